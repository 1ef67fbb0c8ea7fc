"""What `web` may say besides what Beams knows: urgency and topic. And how large it may be."""

import pytest

from tests.client import Instance
from tests.contract.answers import assert_refused, document

NOBODY = ["nobody"]


@pytest.mark.parametrize("urgency", ["very-low", "low", "normal", "high"])
def test_an_urgency_of_rfc_8030_is_taken(instance: Instance, urgency: str) -> None:
    document(instance.publish.to_users(NOBODY, {"web": {"urgency": urgency}}))


@pytest.mark.parametrize("urgency", ["urgent", "HIGH", "", 5, None, ["high"], {}])
def test_any_other_urgency_is_refused(instance: Instance, urgency: object) -> None:
    reply = instance.publish.to_users(NOBODY, {"web": {"urgency": urgency}})
    assert_refused(reply, 422, "`web.urgency`", "very-low, low, normal, high")


@pytest.mark.parametrize("topic", [5, None, ["a"], {}])
def test_a_topic_that_is_no_text_is_refused(instance: Instance, topic: object) -> None:
    reply = instance.publish.to_users(NOBODY, {"web": {"topic": topic}})
    assert_refused(reply, 422, "`web.topic`", "string")


def test_a_payload_is_taken_up_to_what_web_push_holds(instance: Instance) -> None:
    def publish(characters: int) -> int:
        web = {"notification": {"title": "x" * characters}}
        return instance.publish.to_users(NOBODY, {"web": web}).status

    # 3993 bytes, of which the rest of the message and the added metadata take some.
    taken, refused = 3000, 3993
    while refused - taken > 1:
        middle = (taken + refused) // 2
        taken, refused = (middle, refused) if publish(middle) == 200 else (taken, middle)
    assert publish(taken) == 200
    too_large = {"web": {"notification": {"title": "x" * refused}}}
    reply = instance.publish.to_users(NOBODY, too_large)
    assert_refused(reply, 422, "`web`", "1 bytes too large", "3993")
