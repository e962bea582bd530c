"""Frozen dataclasses go to JSON and back without loss, and nothing else gets in."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal, NewType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clubos_tui.changes.manifest import path_bytes, path_text
from clubos_tui.codec import DecodeError, canonical, structure, unstructure

Id = NewType("Id", str)


def restructure(cls, value):
    """One trip through JSON."""
    return structure(cls, json.loads(canonical(unstructure(value))))


@dataclass(frozen=True, slots=True)
class Inner:
    path: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Outer:
    id: Id
    sure: bool
    kind: Literal["a", "b"] = "a"
    rows: tuple[Inner, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    free: dict[str, Any] = field(default_factory=dict)
    maybe: Inner | None = None


VALUE = Outer(
    Id("x"), True, "b", (Inner("p", 3), Inner("q")), {"k": "v"}, {"n": [1, {"m": None}]}, Inner("r")
)


def test_a_value_comes_back_as_it_was():
    assert restructure(Outer, VALUE) == VALUE
    assert restructure(Outer, Outer(Id(""), False)) == Outer(Id(""), False)


def test_a_field_that_holds_its_default_takes_no_room():
    assert unstructure(Outer(Id("x"), True)) == {"id": "x", "sure": True}


def test_the_text_of_a_value_is_one_and_ascii():
    """The text is hashed, so the order in which keys were added must not show."""
    assert canonical({"b": 1, "a": ["é", True]}) == b'{"a":["\\u00e9",true],"b":1}'
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=40))
def test_p2_any_file_name_survives(name):
    """Names that are not UTF-8 keep their very bytes through the journal's text."""
    value = Inner(path_text(name))
    back = structure(Inner, json.loads(canonical(unstructure(value))))
    assert path_bytes(back.path) == name


@pytest.mark.parametrize("value", [1.5, float("nan"), b"bytes", {1, 2}, object()])
def test_what_has_no_place_in_the_journal_is_refused(value):
    with pytest.raises(TypeError, match="no place in the journal"):
        unstructure({"deep": [value]})


def test_a_number_without_a_text_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"x": float("inf")})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"id": "x"}, "sure"),
        ({"id": "x", "sure": True, "sized": 1}, "no field 'sized'"),
        ({"id": 5, "sure": True}, "expected str"),
        ({"id": "x", "sure": 1}, "expected bool"),
        ({"id": "x", "sure": True, "kind": "c"}, "none of 'a', 'b'"),
        ({"id": "x", "sure": True, "kind": ["a"]}, "none of"),
        ({"id": "x", "sure": True, "rows": {}}, "expected list"),
        ({"id": "x", "sure": True, "rows": [{"path": "p", "size": True}]}, "expected int"),
        ({"id": "x", "sure": True, "rows": [{"path": "p", "size": 1.0}]}, "expected int"),
        ({"id": "x", "sure": True, "names": []}, "expected dict"),
        ({"id": "x", "sure": True, "names": {"k": 1}}, "expected str"),
        ({"id": "x", "sure": True, "maybe": "r"}, "expected dict"),
        ([], "expected dict"),
        (None, "expected dict"),
    ],
)
def test_a_stored_value_of_another_form_is_an_error(data, said):
    with pytest.raises(DecodeError, match=said):
        structure(Outer, data)
