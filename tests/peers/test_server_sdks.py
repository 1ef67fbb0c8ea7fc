"""What the official server SDKs are for, and what they tell an app when it is refused."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.client import Instance
from tests.compatibility import WORKS, Compatibility
from tests.peers.server_sdks import Call, PythonSdk, Refusal, ServerSdk
from tests.waiting import eventually

#: Neighbours could be taken for each other, so each half is deleted while the other stays.
AWKWARD_USER_IDS = [
    "alice smith",
    "alice+smith",
    "team/alice",
    "team%2Falice",
    "100%",
    "100%25",
    "żółć 用户",
    "zolc ??",
    "//alice/",
    "/alice",
    'Stop!\' said "Fred" (loudly)*~',
    "a?b#c",
    "a;b=c&d,e:f@g$h",
    "\\<>^`{}[]|",
    " 🔆👩‍👩‍👧 ",
    "\ttab\n",
]
DOTTED_USER_IDS = [".", "..", "../alice", "alice/./bob"]
HELLO = hello("Hello")
EAST, WEST = "Etc/GMT-14", "Etc/GMT+12"
LOST_ON_THE_WAY = (
    "does not arrive, at whatever server: the SDK's HTTP library takes such steps out of the path"
)
KIB = 1024

WRONG_KEY = Refusal(401, "Unauthorized", "Incorrect Secret Key")
UNKNOWN_INSTANCE = Refusal(404, "Instance not found", "Could not find the instance")
UNPROCESSABLE = "Unprocessable Entity"
NO_PAYLOAD = Refusal(422, UNPROCESSABLE, "`(root)`: at least one of apns, fcm, web is required")
SAME_USER_TWICE = Refusal(422, UNPROCESSABLE, "`users`: array items must be unique")
PATTERN = "Does not match pattern '^[a-zA-Z0-9_\\-=@,.;]+$'"
EMPTY = "String length must be greater than or equal to 1"


class Works:
    """Records calls of the SDK under test."""

    def __init__(self, sdk: ServerSdk, compatibility: Compatibility) -> None:
        self._sdk = sdk
        self._compatibility = compatibility

    @contextmanager
    def __call__(self, *calls: str, result: str = WORKS) -> Iterator[None]:
        with ExitStack() as stack:
            for call in calls:
                row = self._compatibility(self._sdk.title, self._sdk.version, call, result=result)
                stack.enter_context(row)
            yield


@pytest.fixture
def works(sdk: ServerSdk, compatibility: Compatibility) -> Works:
    return Works(sdk, compatibility)


def test_what_is_published_arrives(
    sdk: ServerSdk, instance: Instance, browsers: Browsers, works: Works
) -> None:
    user, interest = new_name("alice / ünïcode"), new_name("news")
    of_user, subscribed = browsers.new(user=user), browsers.new(interests=(interest,))
    other = browsers.new(user=new_name("bob"))
    to_interest = hello("<żółć> & 🎈", data={"order": "7/8"})
    calls: list[Call] = [
        ["publishToInterests", [interest, "none"], to_interest],
        ["publishToUsers", [user, "nobody"], hello("for the user")],
    ]
    with works("publish to interests", "publish to users"):
        published = [outcome.returned()["publishId"] for outcome in sdk.run(instance, calls)]
        assert all(publish_id.startswith("pubid-") for publish_id in published)
        assert eventually(subscribed.titles) == ["<żółć> & 🎈"]
        assert subscribed.received()[0]["data"]["order"] == "7/8"
        assert eventually(of_user.titles) == ["for the user"]
        assert other.titles() == []


def test_its_tokens_tie_a_device_to_the_user(
    sdk: ServerSdk, instance: Instance, works: Works
) -> None:
    """In every time zone: two SDKs take local time for UTC when they say until when."""
    users = [*AWKWARD_USER_IDS, sdk.longest_user_id]
    calls = [["generateToken", user] for user in users]
    with works("generate a token"):
        tokens = [outcome.returned()["token"] for outcome in sdk.run(instance, calls)]
        for zone in (EAST, WEST):
            [outcome] = sdk.run(instance, [["generateToken", "traveller"]], timezone=zone)
            tokens.append(outcome.returned()["token"])
        for user, token in zip([*users, "traveller", "traveller"], tokens, strict=True):
            device_id = instance.devices.new("fcm")
            assert instance.devices.put_user(device_id, token).status == 200, user
            assert instance.devices.get(device_id).json()["userId"] == user


def test_a_deleted_user_loses_all_devices_and_nobody_else_does(
    sdk: ServerSdk, instance: Instance, works: Works
) -> None:
    users = [*AWKWARD_USER_IDS, sdk.longest_user_id, sdk.longest_user_id[:-1]]
    with works(
        "delete a user", "delete users with blanks, slashes, emoji and the like in their ids"
    ):
        left = {user: instance.device_of(user, "fcm") for user in users}
        for half in (users[0::2], users[1::2]):
            for outcome in sdk.run(instance, [["deleteUser", user] for user in half]):
                assert outcome.returned() is None
            deleted = [left.pop(user) for user in half]
            assert {instance.devices.get(device_id).status for device_id in deleted} == {404}
            for user, device_id in left.items():
                assert instance.devices.get(device_id).status == 200, user
        assert sdk.run(instance, [["deleteUser", "nobody"]])[0].returned() is None


@pytest.mark.parametrize("sdk", ["python", "node", "java"], indirect=True)
def test_user_ids_that_look_like_steps_in_a_path(
    sdk: ServerSdk, instance: Instance, works: Works
) -> None:
    result = LOST_ON_THE_WAY if isinstance(sdk, PythonSdk) else WORKS
    devices = [instance.device_of(user, "fcm") for user in DOTTED_USER_IDS]
    with works("delete a user with . or .. between slashes in the id", result=result):
        sdk.run(instance, [["deleteUser", user] for user in DOTTED_USER_IDS])
        statuses = {instance.devices.get(device_id).status for device_id in devices}
        assert statuses == ({404} if result == WORKS else {200})


def test_a_wrong_key_and_an_unknown_instance_are_told_apart(
    sdk: ServerSdk, instance: Instance, works: Works
) -> None:
    calls: list[Call] = [
        ["publishToInterests", ["news"], HELLO],
        ["publishToUsers", ["alice"], HELLO],
        ["deleteUser", "alice"],
    ]
    nowhere = Instance(instance.client, str(uuid4()), instance.secret_key)
    for refused, refusal, row in (
        (instance.with_key("0" * 64), WRONG_KEY, "error for a wrong secret key"),
        (nowhere, UNKNOWN_INSTANCE, "error for an unknown instance"),
    ):
        with works(row):
            told = [outcome.error for outcome in sdk.run(refused, calls)]
            assert told == [sdk.error(str(method), refusal) for method, *_ in calls]


def padded(kib: int) -> dict[str, object]:
    return {"fcm": {"data": {"padding": "x" * kib * KIB}}}


def too_large(kib: int) -> Refusal:
    return Refusal(400, "Bad Request", f"The body is too large: at most {kib * KIB} bytes")


def test_what_is_wrong_with_a_publish_is_told(
    sdk: ServerSdk, instance: Instance, works: Works
) -> None:
    wrong: list[tuple[str, Call, Refusal]] = [
        # Larger than what socket buffers hold: the SDK still writes when the refusal comes.
        ("a body too large", ["publishToInterests", ["news"], padded(5000)], too_large(10)),
        ("a body too large", ["publishToInterests", ["news"], padded(11)], too_large(10)),
        ("a body too large", ["publishToUsers", ["alice"], padded(201)], too_large(200)),
        ("the same user twice", ["publishToUsers", ["a", "b", "a"], HELLO], SAME_USER_TWICE),
        ("no apns, fcm or web", ["publishToUsers", ["alice"], {}], NO_PAYLOAD),
    ]
    if sdk.bad_interest is not None:
        words = PATTERN if sdk.bad_interest else EMPTY
        refusal = Refusal(422, UNPROCESSABLE, f"`interests.1`: {words}")
        publish: Call = ["publishToInterests", ["news", sdk.bad_interest], HELLO]
        wrong.append(("a bad interest", publish, refusal))
    told = sdk.run(instance, [call for _, call, _ in wrong])
    for outcome, (row, (method, *_), refusal) in zip(told, wrong, strict=True):
        with works(f"error for {row}"):
            assert outcome.error == sdk.error(str(method), refusal)
