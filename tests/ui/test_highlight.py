"""Syntax colours: right where they are sure, absent where they are not, and never an error."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clubos_tui.changes.patch import ADDED, CONTEXT, NO_NEWLINE, REMOVED
from clubos_tui.ui.diff import highlight
from clubos_tui.ui.diff.looks import CLASSES


def said(line, spans):
    return [(line[a:b], group) for a, b, group in spans]


@pytest.mark.parametrize(
    ("path", "line", "expected"),
    [
        ("a/b.py", "def go(x): # y", [("def", "keyword"), ("go", "function"), ("# y", "comment")]),
        ("x.ts", "const a = 'b'", [("const", "keyword"), ("'b'", "string")]),
        ("x.sql", "select 1", [("select", "keyword"), ("1", "number")]),
        ("nothing.known-to-nobody", "def go(x)", []),
        ("notes.txt", "def go(x)", []),
    ],
)  # fmt: skip
def test_known_languages_are_coloured(path, line, expected):
    found = said(line, highlight.colours(path, [line])[0])
    assert [item for item in found if item in expected] == expected
    assert bool(found) == bool(expected)


def test_each_side_is_read_by_itself():
    """A removed quote must not make a string of all that follows."""
    kinds = [CONTEXT, REMOVED, ADDED, NO_NEWLINE]
    lines = ["def a():", '    x = """', "    return 1", " No newline"]
    found = highlight.hunk_colours("a.py", kinds, lines)
    assert ("return", "keyword") in said(lines[2], found[2])
    assert any(group in {"string", "comment"} for _, group in said(lines[1], found[1]))
    assert ("def", "keyword") in said(lines[0], found[0])
    assert found[3] == []


def test_every_group_has_a_look():
    groups = {group for _, group in highlight._GROUPS}
    assert {f"diff--syntax-{group}" for group in groups} <= CLASSES


def test_a_lexer_that_breaks_costs_only_the_colours(monkeypatch):
    class Broken:
        def get_tokens(self, text):
            raise RuntimeError(text)

    monkeypatch.setattr(highlight, "lexer_for", lambda _path: Broken())
    assert highlight.colours("a.py", ["x", "y"]) == [[], []]


@example("a.py", ["\r0", ""])
@example("a.py", ["\ufeffx", "y = 1"])
@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["a.py", "a.ts", "a.sql", "Dockerfile", "a.md", "a.toml"]),
    st.lists(st.text(st.characters(exclude_characters="\n"), max_size=30), max_size=6),
)
def test_spans_lie_inside_their_lines(path, lines):
    found = highlight.colours(path, lines)
    assert len(found) == len(lines)
    for line, spans in zip(lines, found, strict=True):
        ends = [edge for a, b, _ in spans for edge in (a, b)]
        assert ends == sorted(ends)
        assert all(a < b for a, b, _ in spans)
        assert not ends or ends[-1] <= len(line)
