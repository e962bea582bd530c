"""``clubos report``: what happened in a run, readable, and harmless whatever it holds."""

from __future__ import annotations

import html.parser
from pathlib import Path

import pytest
from support.agents import write
from support.cli import inside
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui.cli.accounts import as_html, as_json, as_markdown
from clubos_tui.engine.account import Facts, Heading, Quote, Rows, Words
from clubos_tui.plan import CheckSpec

HOSTILE = "<script>alert(1)</script> **bold** [x](javascript:x) | a\n# not a heading \x1b[31m\u202e"


def test_the_account_of_a_whole_run_names_who_did_what(repo: Repo, tmp_path: Path) -> None:
    check = (CheckSpec("it is there", "paths", ("new.txt",)),)
    journey = Journey(repo, write("new.txt", "x\n"), check=check)
    journey.propose().approve().execute()
    journey.run.merge(by="Ada <ada@example.org>")
    journey.go()
    journey.run.roll_back(1, by="Ben")
    journey.go().close()
    text = inside(repo, "report").out.replace("\\", "")
    for words in (
        "# Test: run ",
        "## Phase 1: Phase 1",
        "### Attempt 1, by scripted",
        f"{WHO} asked for a dry run",
        "| create | new.txt |  | p1 |",
        "| it is there | passed |",
        "### Checks of the proposal, tree ",
        "undo proven: ",
        "### Approved",
        f"- **by**: {WHO}",
        "executed as commit ",
        "the checkpoint passed",
        "## Merged, and taken back",
        "merged into main as ",
        "phases 1 were rolled back: ",
    ):
        assert words in text, words
    page = tmp_path / "report.html"
    said = inside(repo, "report", "--html", "--output", str(page))
    assert said.out == ""
    assert page.read_text().startswith("<!doctype html>")


def test_an_older_run_is_reported_by_its_name(repo: Repo) -> None:
    inside(repo, "run", "--run-id", "first")
    inside(repo, "rollback", "--run", "--yes")
    inside(repo, "run", "--run-id", "second")
    assert "run first" in inside(repo, "report", "first").out
    assert "run second" in inside(repo, "report").out
    wrong = inside(repo, "report", "third")
    assert wrong.code == 2
    assert "first, second" in wrong.err


class Tags(html.parser.HTMLParser):
    """Which tags a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)


BLOCKS = [
    Heading(1, HOSTILE), Words(HOSTILE), Quote(HOSTILE), Facts(((HOSTILE, HOSTILE),)),
    Rows((HOSTILE, "b"), ((HOSTILE, "|"),)),
]  # fmt: skip


def test_p11_no_text_acts_in_the_page() -> None:
    page = as_html(BLOCKS)
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.found
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_p11_no_text_acts_as_a_mark() -> None:
    lines = as_markdown(BLOCKS).split("\n")
    assert [line for line in lines if line.startswith("#")] == [lines[0]]
    assert "<script>" not in "\n".join(lines)
    table = [line for line in lines if line.startswith("|")]
    assert [line.replace("\\|", "").count("|") for line in table] == [3, 3, 3]
    assert "\x1b" not in "\n".join(lines)


def test_p11_the_page_may_load_and_run_nothing() -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in as_html(BLOCKS)


def test_p11_each_line_of_a_quote_stays_in_it() -> None:
    """Also one that begins like a heading, a list or a rule."""
    lines = as_markdown([Quote("# a\n---\n\n    code\n=== $x$")]).split("\n")
    assert lines == ["> \\# a", "> \\---", ">", "> code", "> \\=== \\$x\\$", ""]


def test_the_account_as_json_has_the_same_words(repo: Repo) -> None:
    """Sections with facts and tables, and the audit as `verify` prints it."""
    inside(repo, "run", "--run-id", "one")
    said = inside(repo, "report", "--json").json
    assert said["run"] == "one"
    titles = [section["title"] for section in said["sections"]]
    assert titles[0].endswith("run one")
    assert titles[-1] == "The audit, as of this writing"
    assert said["audit"] == inside(repo, "verify", "--json").json
    assert said["audit"]["integrity"]["holds"]
    table = as_json([Heading(1, "x"), Rows(("a", "b"), (("1", "2"),))])[0]["content"][0]["table"]
    assert table == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# x", r"\# x"),
        ("1. x", r"1\. x"),
        ("- x", r"\- x"),
        ("> x", r"\> x"),
        ("a-b 1.2", "a-b 1.2"),
    ],
)
def test_a_sentence_is_no_heading_and_no_list(text: str, line: str) -> None:
    assert as_markdown([Words(text)]) == f"{line}\n"


def test_before_a_run_there_is_nothing_to_tell(repo: Repo) -> None:
    said = inside(repo, "report")
    assert said.code == 2


@pytest.mark.parametrize("how", ["--html", None])
def test_a_run_that_only_began_is_told_too(repo: Repo, how: str | None) -> None:
    inside(repo, "run")
    said = inside(repo, "report", *([how] if how else []))
    assert said.code == 0
    assert "Nothing was proposed" in said.out
