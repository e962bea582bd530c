"""The account of a run: every word that an auditor looks for, made of the journal alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support import agents
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui import events as e
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine import audit
from clubos_tui.engine.account import Block, Facts, Heading, Quote, Rows, Words, account, audited
from clubos_tui.events import Event, Shown
from clubos_tui.journal import FileJournal, Record
from clubos_tui.plan import CheckSpec, Needs
from clubos_tui.spending import ModelTurn

Start = Callable[..., Journey]


def flat(blocks: list[Block]) -> str:
    """Return all that is said, a line for each thing."""
    lines = []
    for block in blocks:
        match block:
            case Heading():
                lines.append(f"{'#' * block.level} {block.text}")
            case Words() | Quote():
                lines.append(block.text)
            case Facts():
                lines += [f"{name}: {text}" for name, text in block.rows]
            case Rows():
                lines += [" | ".join(row) for row in (block.head, *block.rows)]
    return "\n".join(lines)


def told(journey: Journey) -> str:
    return flat(list(account(journey.run.journal.load())))


def in_order(text: str, *words: str) -> None:
    """Each is said, after the one before it."""
    at = 0
    for word in words:
        found = text.find(word, at)
        assert found >= 0, (word, text[at : at + 800])
        at = found + len(word)


def test_a_review_is_told_file_by_file(journey: Start) -> None:
    """Decided, undone, sealed, rejected, revised, edited, shown and approved, in that order."""
    both = agents.all_of(agents.write("a.txt", "a\n"), agents.write("no.txt", "no\n"))
    run = journey(both)
    run.propose()
    run.run.decide_file(1, "a.txt", "reject", by="Ann", note="a slip")
    run.run.undo_decision(1, by="Ann")
    run.run.decide_file(1, "no.txt", "reject", by="Ann", note="not this one")
    proposed = run.phase().change_set
    run.run.seal(1, by="Ann")
    run.go()
    sealed = run.phase().change_set
    run.run.reject(1, sealed, 1, reason="try\nagain", by="Ben")
    run.propose()
    run.run.edit(1, run.phase().change_set, "a.txt", b"mine\n", by="Cleo")
    run.go()
    edited = run.phase().change_set
    shown = Shown(2, 3, "dashboard", lines=40, seen=39, hasty=True)
    run.run.approve(1, edited, 2, by="Dora", shown=shown)
    run.execute()
    in_order(
        told(run),
        "### Asked",
        "p1: do p1",
        f"{WHO} asked for a dry run.",
        "### Attempt 1, by scripted",
        "p1 | success | 2 to create",
        "did p1",
        f"Change set {proposed}: 2 to create",
        "### Decided",
        "Ann | a.txt | the file | reject | a slip",
        "Ann |  |  | took the decision before back",
        "Ann | no.txt | the file | reject | not this one",
        "Ann sealed what was not rejected",
        f"the change set is {sealed} now, it was {proposed}",
        "no.txt | left out",
        f"Ben rejected {sealed}",
        "try\nagain",
        "### Attempt 2",
        f"Cleo edited a.txt; the change set is {edited} now",
        "a.txt | changed",
        "### Approved",
        "by: Dora",
        "how: a person, who was shown it",
        "was shown: 2 files on the dashboard, 39 of 40 changed lines",
        "for: 3 s",
        "was told: that nobody reads that fast",
        "binds: SHA-256 ",
        "### Applied to the stage",
        "nothing was replaced, so there was nothing to back up",
        "executed as commit ",
        "the checkpoint passed",
    )


def test_what_is_written_over_is_said_with_its_backup(journey: Start) -> None:
    run = journey(agents.write("src/app.txt", "new\n")).live().merge().roll_back(1).undo()
    started = next(
        item.event for item in run.run.journal.load() if isinstance(item.event, e.ApplyStarted)
    )
    text = told(run)
    in_order(
        text,
        f"what 1 file held before is kept as backups/{started.transaction}",
        "## Merged, and taken back",
        f"{WHO} asked to merge.",
        "as the last phase left it",
        "### Checks of the merge",
        "1 path compared afresh after it.",
        "merged into main as ",
        "What it replaced is kept as backups/",
        "asked to take back phase 1 and all after it.",
        "phases 1 were rolled back: 1 file restored, 0 deleted, 1 compared afresh, as commit ",
        "asked to undo the rollback.",
        "the rollback was undone as ",
    )
    phase = text[text.index("## Phase 1") : text.index("## Merged")]
    assert "Checks of the merge" not in phase


def test_an_override_is_told_with_its_reason(journey: Start) -> None:
    check = (CheckSpec("it is there", "paths", ("none.txt",)),)
    run = journey(agents.write("a.txt", "a\n"), check=check)
    run.propose()
    run.run.override(1, "it is there", reason="it comes\nlater", by="Ann")
    text = told(run)
    in_order(text, "gate shut", "Ann overrode it is there of the proposal", "it comes\nlater")
    in_order(text, "## Allowed by people", "Ann | phase 1 in spite of it is there")


def extended(repo: Repo, folder: Path, *events: Event) -> list[Record]:
    """Return the journal of a run in which these events came after its first."""
    run = Journey(repo, agents.write("a.txt", "a\n"))
    first = run.run.journal.load()[0].event
    run.close()
    journal = FileJournal(str(folder))
    journal.append(first)
    for event in events:
        journal.append(event)
    return list(journal.load())


def test_permissions_money_and_mishaps_are_told(repo: Repo, tmp_path: Path) -> None:
    """A question by its title and not by its id, an admission, a limit, what was used."""
    turn = ModelTurn(
        1, "answered", "model-x", "0" * 64, "model-x-1", "0" * 64, input_tokens=900,
        output_tokens=100, microcents=12_000_000, milliseconds=2000,
    )  # fmt: skip
    lost = ModelTurn(2, "withdrawn", "model-x", "0" * 64, input_tokens=10)
    base = TreeId("4" * 40)
    records = extended(
        repo,
        tmp_path / "j",
        e.AgentAdmitted("acp:x", Needs(network=True, variables=("KEY",)), "Ann"),
        e.ProposalRequested(1, "Ann"),
        e.AttemptStarted(1, 1, base, base, "scripted", "/w", ("config/.env",)),
        e.ActionStarted(1, 1, "p1", "s.jsonl"),
        e.TurnTaken(1, 1, "p1", turn),
        e.TurnTaken(1, 1, "p1", lost),
        e.PermissionAsked(1, 1, "p1", "f00d" * 8, "execute", "run make", "make -j2\nall"),
        e.PermissionAnswered(1, 1, "f00d" * 8, True, "Ben", True),
        e.BudgetRaised("run", 1, "cents", 500, "Cleo"),
        e.ActionFinished(
            1, 1, "p1", "success", base, "done", refused=("no network",), left_behind=("x.log",),
            left_count=1,
        ),
        e.ProposedNothing(1, 1),
        e.StepFailed("run checks", 1, "the disk is full", "nothing", "make room"),
        e.JournalRecovered(7),
        e.Recovered("t-1", "undone", "3 files as before", purpose="merge", backup="backups/t-1"),
    )  # fmt: skip
    text = flat(list(account(records)))
    in_order(
        text,
        "Withheld from the agent as secrets: config/.env.",
        "p1 | 2 | 1,010 | unknown | 2.00 | 1 | model-x-1, model-x",
        "in p1 the agent asked (execute): run make",
        "make -j2\nall",
        "Ben allowed what the agent asked: run make, and all of that kind (execute).",
        "done The box refused: no network. Left behind, as git ignores it: x.log (1 in all).",
        "It changed nothing.",
        "## Allowed by people",
        "Ann | the agent acp:x | the network; variables KEY",
        "Ben | what the agent asked in phase 1 | run make",
        "Cleo | the limit of the run | at most $5.00",
        "## Used",
        "the run | 2 | 1,010 | unknown",
        "The run had the run's limit of $5.00",
        "## What went wrong",
        "run checks failed: the disk is full | nothing | make room",
        "7 bytes, was cut off",
        "merge t-1 undone | 3 files as before Backup: backups/t-1.",
    )
    assert "f00d" not in text


def test_p9_the_account_ends_with_what_the_audit_found(journey: Start, repo: Repo) -> None:
    run = journey(agents.write("a.txt", "a\n")).live(1)
    text = flat(list(audited(audit.verify(run.session, run.run))))
    in_order(text, "## The audit", "integrity: holds", "completeness: nothing is missing",
             "vouched for by nothing yet", run.phase().commit)  # fmt: skip
    repo.git("branch", "-D", run.phase().branch)
    text = flat(list(audited(audit.verify(run.session, run.run))))
    in_order(text, "completeness: INCOMPLETE", f"missing: commit {run.phase().commit[:12]}")
