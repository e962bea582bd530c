"""Decisions down to the line, a person's edits, and revisions, on a real repository."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from support import agents
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.patch import Patch, parse
from clubos_tui.engine.state import Status
from clubos_tui.errors import Refused, Stale

Start = Callable[..., Journey]

OLD = "".join(f"line {number}\n" for number in range(60))


def new(*changes: tuple[int, str]) -> str:
    lines = OLD.splitlines()
    for at, text in changes:
        lines[at] = text
    return "\n".join(lines) + "\n"


@pytest.fixture
def long(repo: Repo) -> Repo:
    """A repository with a file long enough for several hunks."""
    (repo.root / "long.txt").write_text(OLD)
    repo.git("add", "long.txt")
    repo.git("commit", "--quiet", "--message=long")
    return repo


def patch_of(run: Journey) -> Patch:
    phase = run.phase()
    return parse(run.session.workshop.patch(phase.base, phase.change_set))


def content(run: Journey, path: str) -> str:
    workshop = run.session.workshop
    entry = workshop.files(run.phase().change_set).get(path)
    assert entry
    return workshop.objects.blob(entry.blob).decode()


def decide(run: Journey, *decisions: Decision) -> None:
    run.run.decide(1, run.phase().change_set, decisions, by=WHO)


def seal(run: Journey) -> Journey:
    run.run.seal(1, by=WHO)
    return run.go()


def hunks(run: Journey) -> list[str]:
    return [hunk.id for file in patch_of(run).files for hunk in file.hunks]


def test_p2_a_sealed_half_of_a_file_has_its_own_id_and_is_checked_and_applied(
    long: Repo, journey: Start
) -> None:
    script = agents.write("long.txt", new((5, "five"), (30, "thirty"), (50, "fifty")))
    run = journey(script).propose()
    whole = run.phase().change_set
    one, two, three = hunks(run)
    decide(run, Decision("long.txt", "reject", hunk=two), Decision("long.txt", "accept", hunk=one))
    with pytest.raises(Refused, match="seal"):
        run.run.approve(1, whole, 1, by=WHO)
    seal(run)
    sealed = run.phase().change_set
    assert sealed != whole
    assert content(run, "long.txt") == new((5, "five"), (50, "fifty"))
    assert run.view.gates["proposal", sealed]
    assert run.phase().rehearsed.change_set == sealed
    own = run.phase().draft.of("long.txt")
    assert (own.of(one), own.of(three)) == ("accept", "pending")
    with pytest.raises(Stale):
        run.run.approve(1, whole, 1, by=WHO)
    run.approve().execute()
    assert long.git("show", f"{run.phase().branch}:long.txt") + "\n" == content(run, "long.txt")


def test_single_lines_of_a_hunk_are_left_out(long: Repo, journey: Start) -> None:
    """The line that stays keeps its place, behind the new one in front of it."""
    run = journey(agents.write("long.txt", new((5, "five"), (6, "six")))).propose()
    (only,) = hunks(run)
    rows = [bytes(line) for line in patch_of(run).lines]
    first = [rows.index(b"-line 6") + 1, rows.index(b"+six") + 1]
    decide(run, Decision("long.txt", "accept", hunk=only))
    for row in first:
        decide(run, Decision("long.txt", "reject", hunk=only, first=row, last=row))
    seal(run)
    assert content(run, "long.txt") == new((5, "five"))
    assert run.phase().draft.of("long.txt").verdict == "accept"
    assert not run.phase().draft.rejecting


def test_new_deleted_and_renamed_files_hunk_by_hunk(long: Repo, journey: Start) -> None:
    run = journey(
        agents.all_of(
            agents.write("made.txt", "quite\nanother\n"),
            agents.delete("src/app.txt"),
            agents.rename("long.txt", "moved.txt"),
            agents.write("moved.txt", new((5, "five"), (30, "thirty"))),
            agents.write("kept.txt", "kept\n"),
        )
    ).propose()
    ids = {file.path: [h.id for h in file.hunks] for file in patch_of(run).files}
    decide(
        run,
        Decision("made.txt", "reject", hunk=ids[b"made.txt"][0]),
        Decision("src/app.txt", "reject", hunk=ids[b"src/app.txt"][0], first=2, last=2),
        Decision("moved.txt", "reject", hunk=ids[b"moved.txt"][0]),
    )
    seal(run)
    rows = {row.path: row.kind for row in run.phase().manifest}
    assert rows == {"kept.txt": "create", "moved.txt": "rename", "src/app.txt": "modify"}
    assert content(run, "moved.txt") == new((30, "thirty"))
    assert content(run, "src/app.txt") == "two\n"


def test_rejecting_every_hunk_leaves_nothing(long: Repo, journey: Start) -> None:
    run = journey(agents.write("long.txt", new((5, "five"), (30, "thirty")))).propose()
    decide(run, *(Decision("long.txt", "reject", hunk=hunk) for hunk in hunks(run)))
    seal(run)
    assert run.view.status(1) is Status.EMPTY


def test_a_seal_that_changes_nothing_ends_and_may_be_followed_by_one_that_does(
    long: Repo, journey: Start
) -> None:
    """A rejected hunk all of whose lines are accepted is an accepted hunk."""
    run = journey(agents.write("long.txt", new((5, "five"), (30, "thirty")))).propose()
    one, two = hunks(run)
    decide(run, Decision("long.txt", "reject", hunk=one))
    decide(run, Decision("long.txt", "accept", hunk=one, first=1, last=99))
    before = run.phase().change_set
    seal(run)
    assert run.phase().change_set == before
    assert not run.phase().draft.rejecting
    decide(run, Decision("long.txt", "reject", hunk=two))
    seal(run)
    assert content(run, "long.txt") == new((5, "five"))


def test_a_gesture_is_undone_and_the_journal_tells_of_both(long: Repo, journey: Start) -> None:
    run = journey(agents.write("long.txt", new((5, "five"), (30, "thirty")))).propose()
    one, two = hunks(run)
    decide(run, Decision("long.txt", "accept", hunk=one), Decision("long.txt", "reject", hunk=two))
    run.run.undo_decision(1, by=WHO)
    assert run.phase().draft.files == {}
    with pytest.raises(Refused, match="no decision to undo"):
        run.run.undo_decision(1, by=WHO)
    kinds = [type(record.event) for record in run.run.journal.load()][-2:]
    assert kinds == [e.Decided, e.DecisionUndone]


def test_a_decision_on_another_id_is_refused(long: Repo, journey: Start) -> None:
    run = journey(agents.write("long.txt", new((5, "five")))).propose()
    with pytest.raises(Refused, match="the change set is"):
        run.run.decide(1, "0" * 40, [Decision("long.txt", "accept")], by=WHO)


# --- a person's edit ----------------------------------------------------------------------------


def test_an_edit_is_part_of_the_proposal_under_a_new_id(long: Repo, journey: Start) -> None:
    run = journey(
        agents.all_of(
            agents.write("long.txt", new((5, "five"), (30, "thirty"))),
            agents.write("other.txt", "other\n"),
            agents.write("third.txt", "third\n"),
        )
    ).propose()
    before = run.phase().change_set
    one = parse(run.session.workshop.patch(run.phase().base, before)).files[0].hunks[0].id
    decide(run, Decision("long.txt", "accept", hunk=one))
    decide(run, Decision("other.txt", "accept"), Decision("third.txt", "reject", "no"))
    mine = new((5, "five"), (30, "mine"))
    run.run.edit(1, before, "long.txt", mine.encode(), by="Eve")
    run.go()
    phase = run.phase()
    assert phase.change_set != before
    assert (phase.before, phase.edited) == (before, {"long.txt": "Eve"})
    assert content(run, "long.txt") == mine
    assert run.view.gates["proposal", phase.change_set]
    assert phase.draft.of("long.txt").of(one) == "accept"
    assert phase.draft.of("other.txt").verdict == "accept"
    assert phase.draft.of("third.txt").whole == Decision("third.txt", "reject", "no")
    with pytest.raises(Stale):
        run.run.approve(1, before, 1, by=WHO)
    seal(run).approve().execute()
    assert run.phase().edited == {"long.txt": "Eve"}
    assert long.git("show", f"{run.phase().branch}:long.txt") + "\n" == mine


def test_an_edit_that_takes_the_change_back_leaves_nothing(long: Repo, journey: Start) -> None:
    run = journey(agents.write("long.txt", new((5, "five")))).propose()
    run.run.edit(1, run.phase().change_set, "long.txt", OLD.encode(), by=WHO)
    run.go()
    assert run.view.status(1) is Status.EMPTY


@pytest.mark.parametrize(
    ("path", "why"), [("nowhere", "does not change"), ("src/app.txt", "deleted"), ("ln", "regular")]
)
def test_what_can_not_be_edited_is_refused_and_nothing_saved(
    repo: Repo, journey: Start, path: str, why: str
) -> None:
    script = agents.all_of(agents.delete("src/app.txt"), agents.link("ln", "README.md"))
    run = journey(script).propose()
    with pytest.raises(Refused, match=why):
        run.run.edit(1, run.phase().change_set, path, b"x", by=WHO)
    assert run.phase().edited == {}


def test_an_edit_whose_saved_bytes_changed_is_refused(long: Repo, journey: Start) -> None:
    run = journey(agents.write("long.txt", new((5, "five")))).propose()
    before = run.phase().change_set
    run.run.edit(1, before, "long.txt", b"mine\n", by=WHO)
    sha256 = run.view.queue[0].sha256
    with open(os.path.join(run.run.journal.folder, "edits", sha256), "wb") as file:
        file.write(b"not mine\n")
    failure = run.settle()
    assert failure
    assert "not what was saved" in failure.error
    assert run.phase().change_set == before


# --- a revision ---------------------------------------------------------------------------------


def test_a_revision_keeps_untouched_accepted_hunks_and_knows_what_was_looked_at(
    long: Repo, journey: Start
) -> None:
    texts = [
        new((5, "five"), (30, "thirty"), (50, "fifty")),
        new((5, "five"), (30, "better"), (50, "fifty")),
    ]

    def script(folder: str) -> None:
        agents.write("long.txt", texts.pop(0))(folder)

    run = journey(script).propose()
    looked_at = run.phase().change_set
    one, two, three = hunks(run)
    decide(
        run, Decision("long.txt", "accept", hunk=one), Decision("long.txt", "accept", hunk=three)
    )
    decide(run, Decision("long.txt", "reject", "say it better", hunk=two, line=31))
    run.run.reject(1, looked_at, 1, reason="see the note", by=WHO)
    notes = run.phase().rejection.notes
    assert [(note.line, note.note) for note in notes] == [(31, "say it better")]
    run.propose()
    phase = run.phase()
    assert (phase.attempt, phase.before) == (2, looked_at)
    own = phase.draft.of("long.txt")
    assert [own.of(hunk) for hunk in hunks(run)] == ["accept", "pending", "accept"]
