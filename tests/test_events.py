"""The closed union of events: each has one tag for ever, and each survives its JSON."""

import dataclasses
import json
import types
import typing
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clubos_tui import events as e
from clubos_tui.agents import base as agents
from clubos_tui.changes.manifest import path_text
from clubos_tui.codec import DecodeError, canonical
from clubos_tui.journal import redaction

# A literal on purpose: a journal that was written once must be readable for ever.
FROZEN_TAGS = [
    "action.finished", "action.held", "action.started", "agent.admitted", "apply.finished",
    "apply.started",
    "approved", "attempt.started", "budget.raised", "check.finished", "check.proved",
    "check.started", "checks.finished", "checks.requested", "decided",
    "decision.cleared", "decision.undone", "edit.requested", "edited", "edited.outside", "executed",
    "execution.requested", "file.decided", "journal.recovered", "let.go", "merge.approved",
    "merge.prepared", "merge.requested", "merged", "overridden", "pause.requested", "paused",
    "permission.answered", "permission.asked",
    "proposal.failed", "proposal.requested", "proposed", "proposed.nothing", "recovered",
    "rehearsed", "rejected", "resume.requested", "rollback.requested", "rolled.back", "run.closed",
    "run.started", "run.taken",
    "seal.requested", "sealed", "step.failed", "turn.taken", "undo.requested", "undone",
    "unvalidated", "validated",
]  # fmt: skip

FROZEN_AGENT_TAGS = [
    "limit", "message", "notice", "permission", "plan", "reset", "retry", "terminal", "thought",
    "tool", "turn.ended", "turn.taken", "usage",
]  # fmt: skip

# Every field that holds text is either somebody's words, which are redacted, or exact.
WORDS = {
    "cure", "detail", "error", "evidence", "note", "reason", "refused", "result", "summary",
    "title", "tools", "untouched",
}  # fmt: skip
EXACT = {
    "action", "agent", "backup", "base", "base_commit", "base_tree", "branch", "by", "change_set",
    "check", "checkout", "checks", "commit", "digest", "direction", "ending", "found",
    "from_change_set", "how", "kind", "new_blob", "new_mode", "object_format", "old_blob",
    "old_mode", "old_path", "onto", "outcome", "path", "paths", "place", "plan", "plan_sha256",
    "plan_source", "prior_head", "purpose", "repository", "run", "scope", "seed", "status", "step",
    "stream", "stream_sha256", "take_out", "taken_out", "target", "tool", "transaction", "tree",
    "answered_by", "base_url", "effort", "model", "name", "prompt_sha256", "record_sha256",
    "request_id", "stop_reason", "unit", "home", "permission", "variables", "left_behind",
    "check_sha256", "from_base", "proved", "inputs_sha256",
    "worker", "host", "sha256", "hunk", "verdict", "version", "where", "withheld", "workspace",
}  # fmt: skip

TEXT = st.one_of(st.text(max_size=12), st.binary(max_size=8).map(path_text))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a type as the events use them."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{f.name: values(hints[f.name]) for f in dataclasses.fields(kind)})
    if isinstance(kind, typing.NewType):
        return values(kind.__supertype__)
    if origin is tuple:
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, JSON if args[1] is Any else values(args[1]), max_size=2)
    if origin is Literal:
        return st.sampled_from(args)
    if origin is types.UnionType:
        return st.none() | values(next(arg for arg in args if arg is not type(None)))
    return {str: TEXT, int: st.integers(), bool: st.booleans()}[kind]


def text_fields(kind: Any) -> set[str]:
    """Return the names of the fields of an event, and of what it holds, that hold text."""
    found: set[str] = set()
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        spelled = repr(hints[field.name])
        inner = [hints[field.name], *typing.get_args(hints[field.name])]
        nested = [item for item in inner if dataclasses.is_dataclass(item)]
        for item in nested:
            found |= text_fields(item)
        if not nested and any(word in spelled for word in ("str", "Id", "Literal", "Any")):
            found.add(field.name)
    return found


def test_every_event_has_one_tag_and_the_tags_are_frozen():
    assert set(e.TAGS) == set(typing.get_args(e.Event))
    assert sorted(e.TAGS.values()) == FROZEN_TAGS
    assert len(e.TYPES) == len(e.TAGS)


def test_every_agent_event_has_one_tag_and_the_tags_are_frozen():
    assert set(agents.TAGS) == set(typing.get_args(agents.AgentEvent))
    assert sorted(agents.TAGS.values()) == FROZEN_AGENT_TAGS


@pytest.mark.parametrize("kind", e.TAGS, ids=lambda kind: kind.__name__)
def test_an_event_survives_its_json(kind):
    @settings(deadline=None, max_examples=15)
    @given(values(kind))
    def survives(event):
        tag, data = e.encode(event)
        assert e.decode(tag, json.loads(canonical(data))) == event

    survives()


@pytest.mark.parametrize("kind", agents.TAGS, ids=lambda kind: kind.__name__)
def test_an_agents_event_survives_its_json(kind):
    @settings(deadline=None, max_examples=10)
    @given(values(kind))
    def survives(event):
        tag, data = agents.encode(event)
        record = json.loads(canonical({"at": "now", "type": tag, **data}))
        assert agents.decode(record) == event

    survives()


@pytest.mark.parametrize("kind", e.TAGS, ids=lambda kind: kind.__name__)
def test_an_event_is_frozen(kind):
    """What was recorded is not edited afterwards, not in memory either."""
    assert kind.__dataclass_params__.frozen
    assert kind.__doc__


def test_an_unknown_event_is_an_error_and_not_skipped():
    with pytest.raises(DecodeError, match="another version of clubos"):
        e.decode("phase.teleported", {})


def test_an_unknown_stream_record_is_skipped():
    """Chatter decides nothing, so the program's own records may lie between an agent's."""
    assert agents.decode({"at": "now", "type": "path.moved", "path": "a"}) is None


def test_p12_every_text_of_an_event_is_words_or_exact():
    """A new field has to be put on one of the two lists: leaked or bent by accident is neither."""
    found = set().union(*(text_fields(kind) for kind in e.TAGS))
    assert found - WORDS - EXACT == set()
    assert WORDS <= redaction._WORDS
    assert not EXACT & redaction._WORDS
