"""What a declaration checks is what it documents, and it says what is wrong in Beams' words."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from heliograph.model.errors import Mismatch
from heliograph.model.publish import TO_INTERESTS, TO_USERS
from heliograph.model.schema import (
    Anything,
    Array,
    Boolean,
    Integer,
    Nothing,
    Nullable,
    Number,
    Object,
    OneOf,
    Schema,
    Text,
    check,
)

HELLO = {"web": {"notification": {"title": "Hello"}}}
WORDS = Text(min_length=1, max_length=3, pattern=re.compile(r"[a-z]+"))
EVERY_KIND = Object(
    members={
        "text": WORDS,
        "texts": Array(items=WORDS, min_items=1, max_items=3, unique=True),
        "integer": Integer(minimum=0, maximum=9),
        "number": Number(),
        "boolean": Boolean(),
        "choice": OneOf(values=("a", "b")),
        "nullable": Nullable(of=Boolean()),
        "nothing": Nothing(reason="reserved"),
        "anything": Anything(),
    },
    required=("text",),
    one_required=("integer", "number"),
)

some_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 11)
    | st.sampled_from([0.5, 1.0, -1.0, 1e30])
    | st.text("abZ\n\x00🔆", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(sorted(EVERY_KIND.members)), inner)
    ),
    max_leaves=12,
)
of_the_right_form = st.fixed_dictionaries({}, optional=dict.fromkeys(EVERY_KIND.members, some_json))


@settings(max_examples=200, deadline=None)
@given(value=of_the_right_form | some_json)
def test_a_json_schema_validator_comes_to_the_same_result(value: object) -> None:
    faults = list(EVERY_KIND.faults(value, ""))
    assert (not faults) == Draft202012Validator(EVERY_KIND.document()).is_valid(value), faults


def said(schema: Schema, value: object) -> str:
    with pytest.raises(Mismatch) as refused:
        check(schema, value)
    return f"`{refused.value.field}`: {refused.value.reason}"


@pytest.mark.parametrize(
    ("schema", "body", "words"),
    [
        (TO_USERS, {"web": {}}, "`users`: users is required"),
        (TO_INTERESTS, {"web": {}}, "`interests`: interests is required"),
        (
            TO_USERS,
            {"users": ["a", "b", "c", "x" * 165], **HELLO},
            "`users.3`: String length must be less than or equal to 164",
        ),
        (
            TO_INTERESTS,
            {"interests": ["a:b"], **HELLO},
            r"`interests.0`: Does not match pattern '^[a-zA-Z0-9_\-=@,.;]+$'",
        ),
        (TO_USERS, {"users": ["a", "a"], **HELLO}, "`users`: array items must be unique"),
        (TO_USERS, {"users": ["a\0"], **HELLO}, "`users.0`: must not contain NUL"),
        (
            TO_USERS,
            {"users": ["a"], "apns": {"aps": {"content-available": 0}}},
            "`apns.aps.content-available`: apns.aps.content-available must be one of",
        ),
        (
            TO_USERS,
            {"users": ["a"], "web": {"time_to_live": "60"}},
            "`web.time_to_live`: Invalid type. Expected: integer",
        ),
        (TO_USERS, {"users": ["a"]}, "`(root)`: at least one of apns, fcm, web is required"),
        (TO_USERS, [], "`(root)`: Invalid type. Expected: object"),
    ],
)
def test_a_refusal_has_the_words_that_users_of_beams_know(
    schema: Schema, body: Any, words: str
) -> None:
    assert said(schema, body).startswith(words)


def test_all_faults_are_found_and_those_of_the_body_come_in_its_order() -> None:
    faults = list(TO_USERS.faults({"users": [5, ""], "web": {"time_to_live": -1}}, ""))
    assert [fault.field for fault in faults] == ["users.0", "users.1", "web.time_to_live"]
