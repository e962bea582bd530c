"""Review by keyboard: hunks, lines, folders, notes, edits, and what changed since one looked."""

import dataclasses
import random
import sys

import pytest
from ui.dashboard_kit import board, git, make_plan, make_repository

from clubos_tui.changes.patch import parse
from clubos_tui.plan import CheckSpec
from clubos_tui.ui.widgets.log_view import LogView
from clubos_tui.ui.widgets.status_bar import NextLine
from clubos_tui.ui.widgets.views import DiffPane, FilesPane, LogPane

LINES = 70
KEPT = CheckSpec("kept", "paths", paths=("keep.txt",), at_least=1)


def old(name: str) -> list[str]:
    return [f"{name} line {number}" for number in range(LINES)]


def text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


class Scripted:
    """An agent that writes what it is given, attempt by attempt."""

    def __init__(self, *attempts):
        self.attempts = list(attempts)
        self.requests = []

    def agents(self):
        from support.agents import ScriptedAgent, all_of, write

        def act(folder: str) -> None:
            files = self.attempts.pop(0)
            all_of(*(write(path, data) for path, data in files.items()))(folder)

        heard = self.requests

        class Hearing(ScriptedAgent):
            async def prompt(self, request):
                heard.append(request)
                async for event in super().prompt(request):
                    yield event

        return {"blueprint": lambda: Hearing({"setup": act})}


@pytest.fixture
def plan(tmp_path):
    return dataclasses.replace(
        made := make_plan(tmp_path / "home", names=("Setup",)),
        phase=(dataclasses.replace(made.phase[0], check=(KEPT,)),),
    )


def session_factory(script):
    from clubos_tui.engine.session import Session

    return lambda path: Session.open(path, script.agents())


def repository(folder, names):
    """A repository with a long file for each name."""
    place = make_repository(folder)
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text(old(name)))
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message=long")
    return place


def changed(name: str, *changes: tuple[int, str]) -> str:
    lines = old(name)
    for at, line in changes:
        lines[at] = line
    return text(lines)


async def reviewing(b) -> DiffPane:
    """Bring the dashboard to the diff of phase 1."""
    await b.press("d")
    await b.phase(1, "proposed")
    diff = b.dashboard.query_one(DiffPane)
    await b.until(lambda: diff.patch.files, "the diff")
    await b.press("3")
    await b.until(lambda: diff.has_focus)
    return diff


def verdicts(b) -> dict[tuple[str, str], str]:
    draft = b.view.phase(1).draft
    return {(d.path, d.hunk): d.verdict for own in draft.files.values() for d in own.all()}


def gestures(b) -> int:
    return len(b.view.phase(1).draft.gestures)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("clubos_tui.ui.screens.ask.ARM_SECONDS", 0.0)


@pytest.mark.long
@pytest.mark.parametrize("count", [12, pytest.param(40, marks=pytest.mark.soak)])
async def test_p2_a_walk_by_keys_decides_each_hunk_of_many_files(tmp_path, plan, count):
    """Keys alone; what is sealed is exactly what the keys said, byte for byte."""
    rng = random.Random(4)
    sizes = [8 - number % 2 for number in range(count)]
    total = sum(sizes)
    names = [f"src/{number % 5}/file{number:02}.txt" for number in range(count)]
    place = repository(tmp_path / "repo", names)
    edits = {
        name: [(3 + 8 * at, f"{name} changed {at} {rng.random()}") for at in range(size)]
        for name, size in zip(names, sizes, strict=True)
    }
    script = Scripted({name: changed(name, *edits[name]) for name in names})
    async with board(place, plan, session_factory=session_factory(script)) as b:
        diff = await reviewing(b)
        assert sum(len(file.hunks) for file in diff.patch.files) == total
        kept = {name: [] for name in names}
        await b.press("]")
        for step in range(total):
            name = diff.current_path.decode()
            hunk = diff.current_hunk
            assert hunk is not None, step
            at = (hunk.old_start + 2 - 3) // 8
            accept = rng.random() < 0.6
            await b.press("a" if accept else "r")
            await b.until(lambda step=step: gestures(b) == step + 1)
            if accept:
                kept[name].append(edits[name][at])
        await b.until(lambda: "all decided" in b.text())
        assert len(verdicts(b)) == total
        whole = b.view.phase(1).change_set
        await b.press("s")
        await b.until(lambda: b.view.phase(1).change_set != whole and not b.view.queue)
        session = b.dashboard.presenter.bridge.session
        files = session.workshop.files(b.view.phase(1).change_set)
        for name in names:
            found = session.workshop.objects.blob(files[name].blob).decode()
            assert found == changed(name, *kept[name])


TWO = ("a.txt", "b.txt")


def two(*, third: str = "thirty") -> dict[str, str]:
    return {
        "a.txt": changed("a.txt", (5, "five"), (6, "six"), (30, third)),
        "b.txt": changed("b.txt", (5, "FIVE")),
    }


async def test_lines_are_selected_decided_and_undone(tmp_path, plan):
    place = repository(tmp_path / "repo", TWO)
    async with board(place, plan, session_factory=session_factory(Scripted(two()))) as b:
        diff = await reviewing(b)
        await b.press("]", "j", "j", "j", "j", "v")
        await b.says("a accepts, r rejects")
        await b.press("j")
        first = diff.selected
        assert (first.last - first.first) == 1
        await b.press("r")
        await b.until(lambda: gestures(b) == 1)
        (own,) = b.view.phase(1).draft.files["a.txt"].all()
        assert (own.verdict, own.first, own.last) == ("reject", 4, 5)
        assert diff.selected is None
        await b.says("± partly")
        await b.press("u")
        await b.until(lambda: gestures(b) == 0)
        await b.press("[", "v")
        await b.says("put the cursor on a changed line")


async def test_a_file_a_folder_and_all_that_is_left_in_one_gesture(tmp_path, plan, quick):
    names = ("x/a.txt", "x/b.txt", "y/c.txt")
    place = repository(tmp_path / "repo", names)
    files = {name: changed(name, (5, f"five {name}"), (30, f"x {name}")) for name in names}
    async with board(place, plan, session_factory=session_factory(Scripted(files))) as b:
        diff = await reviewing(b)
        await b.press("]", "r")
        await b.until(lambda: gestures(b) == 1)
        one = diff.patch.files[0].hunks[0].id
        await b.press("M")
        await b.dialog("Choose")
        await b.says("Accept all that is left in x/: 2 files, 1 hunk by themselves")
        await b.press("enter")
        await b.no_dialog()
        await b.until(lambda: gestures(b) == 2)
        own = b.view.phase(1).draft
        assert own.of("x/a.txt").of(one) == "reject"
        assert own.of("x/a.txt").of(diff.patch.files[0].hunks[1].id) == "accept"
        assert own.of("x/b.txt").verdict == "accept"
        assert "y/c.txt" not in own.files
        await b.press("right_curly_bracket", "right_curly_bracket", "D")
        await b.until(lambda: gestures(b) == 3)
        assert b.view.phase(1).draft.of("y/c.txt").dropped
        await b.says("all decided")
        await b.press("u", "u")
        await b.until(lambda: gestures(b) == 1)
        assert verdicts(b) == {("x/a.txt", one): "reject"}


async def test_a_rejection_with_notes_comes_back_as_what_changed_since(tmp_path, plan, quick):
    place = repository(tmp_path / "repo", TWO)
    script = Scripted(two(), two(third="better"))
    async with board(place, plan, session_factory=session_factory(script)) as b:
        diff = await reviewing(b)
        await b.press("]", "a")
        await b.until(lambda: gestures(b) == 1)
        assert diff.current_hunk.id == diff.patch.files[0].hunks[1].id
        await b.press("i")
        await b.dialog("Note")
        await b.press(*"why", "enter")
        await b.no_dialog()
        await b.until(lambda: gestures(b) == 2)
        await b.says("note: why")
        await b.press("y")
        await b.dialog("Approval")
        await b.press("r")
        await b.dialog("Note")
        await b.press(*"no", "enter")
        await b.no_dialog()
        await b.phase(1, "rejected")
        await b.press("d")
        await b.phase(1, "proposed")
        await b.until(lambda: b.view.phase(1).attempt == 2)
        (note,) = [note for note in script.requests[-1].notes if note.note]
        assert (note.path, note.note, note.line) == ("a.txt", "why", 28)
        await b.says("what changed since you looked")
        await b.until(lambda: [file.path for file in diff.patch.files] == [b"a.txt"])
        await b.says("+ better")
        await b.press("3", "]", "a")
        await b.says("press t for the whole diff")
        await b.press("t")
        await b.until(lambda: len(diff.patch.files) == 2)
        await b.says("new since you looked")
        await b.says("✔ accepted @@")
        assert b.view.phase(1).draft.of("a.txt").of(diff.patch.files[0].hunks[0].id) == "accept"


async def test_an_edit_in_the_editor_is_proposed_under_a_new_id(tmp_path, plan, monkeypatch):
    place = repository(tmp_path / "repo", TWO)
    command = tmp_path / "ed.py"
    command.write_text(
        "import sys\np = sys.argv[-1]\ns = open(p).read()\n"
        "open(p, 'w').write(s.replace('thirty', 'mine'))\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {command}")
    async with board(place, plan, session_factory=session_factory(Scripted(two()))) as b:
        monkeypatch.setattr(b.app, "suspend", _nothing)
        diff = await reviewing(b)
        before = b.view.phase(1).change_set
        await b.press("]", "]", "e")
        await b.until(lambda: b.view.phase(1).change_set != before and not b.view.queue)
        await b.until(lambda: diff.patch.files and b"+mine" in diff.patch.lines)
        assert b.view.phase(1).edited == {"a.txt": "Ada"}
        await b.says("! edited by Ada")


async def test_an_editor_is_not_to_be_had(tmp_path, plan, monkeypatch):
    place = repository(tmp_path / "repo", TWO)
    async with board(place, plan, session_factory=session_factory(Scripted(two()))) as b:
        await reviewing(b)
        before = b.view.phase(1).change_set
        await b.press("]", "e")
        await b.says("this terminal can't be given to an editor")
        monkeypatch.setattr(b.app, "suspend", _nothing)
        monkeypatch.setenv("VISUAL", "/no/such/editor")
        await b.press("E")
        await b.says("set EDITOR to your editor")
        assert b.view.phase(1).change_set == before


def _nothing():
    import contextlib

    return contextlib.nullcontext()


async def test_alike_hunks_are_accepted_once(tmp_path, plan):
    names = [f"{name}.txt" for name in "abcd"]
    place = make_repository(tmp_path / "repo")
    for name in names:
        (place / name).write_text("import old\n" + text(old(name)))
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message=long")
    files = {name: "import new\n" + text(old(name)) for name in names}
    async with board(place, plan, session_factory=session_factory(Scripted(files))) as b:
        diff = await reviewing(b)
        await b.says("4 alike: deciding here decides them all")
        await b.says("▸ +1 -1 folded")
        await b.press("]", "a")
        await b.until(lambda: gestures(b) == 1)
        assert len(verdicts(b)) == 4
        assert set(verdicts(b).values()) == {"accept"}
        rows = diff.count_rows()
        await b.press("]", "]", "enter")
        await b.until(lambda: diff.count_rows() > rows)


async def test_sealing_warns_of_a_name_that_only_a_rejected_part_defines(tmp_path, plan, quick):
    place = make_repository(tmp_path / "repo")
    files = {"helpers.py": "def make_it():\n    return 1\n", "use.py": "x = make_it()\n"}
    async with board(place, plan, session_factory=session_factory(Scripted(files))) as b:
        diff = await reviewing(b)
        assert diff.go_to_file(b"helpers.py")
        await b.press("D")
        await b.until(lambda: gestures(b) == 1)
        before = b.view.phase(1).change_set
        await b.press("s")
        await b.dialog("Confirm")
        await b.says("use.py:1 uses make_it")
        await b.press("escape")
        await b.no_dialog()
        assert b.view.phase(1).change_set == before
        await b.press("s")
        await b.dialog("Confirm")
        await b.pilot.pause(0.8)
        await b.press("y")
        await b.until(lambda: b.view.phase(1).change_set != before)


async def test_risky_files_come_first_and_say_why(tmp_path, plan):
    place = make_repository(tmp_path / "repo")
    files = {"a.txt": "x\n", "m/migrations/1.sql": "drop table a;\n", "package-lock.json": "{}\n",
             ".github/workflows/ci.yml": "on: push\n"}  # fmt: skip
    async with board(place, plan, session_factory=session_factory(Scripted(files))) as b:
        diff = await reviewing(b)
        assert [file.path for file in diff.patch.files] == [
            b".github/workflows/ci.yml",
            b"m/migrations/1.sql",
            b"a.txt",
            b"package-lock.json",
        ]
        listed = [row.path for row in b.dashboard.query_one(FilesPane)._values.rows]
        assert listed == [file.path.decode() for file in diff.patch.files]
        await b.says("by risk")


async def test_approving_faster_than_anyone_reads_asks_once_more(tmp_path, plan, quick):
    place = make_repository(tmp_path / "repo")
    script = Scripted({"long.txt": text(old("long") * 20)})
    async with board(place, plan, session_factory=session_factory(script)) as b:
        await reviewing(b)
        await b.press("y")
        await b.dialog("Approval")
        await b.says("of 1,400 were shown")
        await b.pilot.pause(0.8)
        await b.press("y")
        await b.dialog("Confirm")
        await b.says("nobody reads that fast")
        await b.press("escape")
        await b.no_dialog()
        assert b.view.status(1).value == "proposed"
        await b.press("y")
        await b.dialog("Approval")
        await b.pilot.pause(0.8)
        await b.press("y")
        await b.dialog("Confirm")
        await b.pilot.pause(0.8)
        await b.press("y")
        await b.phase(1, "approved")
        shown = b.view.phase(1).approval.shown
        assert shown.hasty
        assert shown.lines == 1_400
        assert 0 < shown.seen < 100


async def test_the_log_leads_to_the_hunk_a_line_is_about(tmp_path, plan):
    place = repository(tmp_path / "repo", TWO)
    async with board(place, plan, session_factory=session_factory(Scripted(two()))) as b:
        diff = await reviewing(b)
        await b.press("]", "]", "a")
        await b.until(lambda: gestures(b) == 1)
        await b.press("g", "4", "G")
        log = b.dashboard.query_one(LogPane)
        assert "accepted a hunk of a.txt:28" in log.current_line.text
        await b.press("J")
        await b.until(lambda: diff.has_focus)
        assert diff.current_hunk.id == diff.patch.files[0].hunks[1].id
        await b.press("4", "g", "J")
        await b.says("about no file")
        assert isinstance(log, LogView)


async def test_unchanged_lines_split_wrap_fold_and_copy(tmp_path, plan):
    place = repository(tmp_path / "repo", TWO)
    script = Scripted(two(third="thirty " * 40))
    async with board(place, plan, size=(200, 60), session_factory=session_factory(script)) as b:
        diff = await reviewing(b)
        rows = diff.count_rows()
        await b.press("]", "plus")
        await b.until(lambda: diff.count_rows() > rows)
        await b.says("a.txt line 0")
        await b.press("minus")
        await b.until(lambda: diff.count_rows() == rows)
        await b.press("b")
        await b.until(lambda: diff.split_now)
        assert diff.count_rows() == rows - 4  # four lines stand beside the ones they replace
        await b.says("│")
        await b.press("w")
        await b.until(lambda: diff.count_rows() > rows - 4)
        await b.says("↪ irty thirty")
        await b.press("w", "b")
        await b.until(lambda: diff.count_rows() == rows)
        await b.press("]", "c")
        await b.says("rows of the hunk are on the clipboard")
        assert b.app.clipboard.count("\n") >= 7
        await b.press("F")
        await b.until(lambda: diff.count_rows() == 3)
        await b.says("6 changed lines folded")
        await b.press("F")
        await b.until(lambda: diff.count_rows() == rows)
        assert b.dashboard.query_one(NextLine) is not None


def test_a_copied_hunk_keeps_its_tabs_and_nothing_that_acts():
    from clubos_tui.ui.review import copied

    head = "diff --git a/x b/x\nindex 1111..2222 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n"
    patch = parse(f"{head}-\ta\x1b[2J\n+\tb\u202e\n".encode())
    assert copied(patch, patch.files[0].hunks[0]) == "-\ta␛[2J\n+\tb⟨U+202E⟩"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("vim -u NONE", ["vim", "-u", "NONE", "+7", "f"]),
        ("/usr/bin/nano", ["/usr/bin/nano", "+7", "f"]),
        ("code", ["code", "--wait", "--goto", "f:7"]),
        ("code -w", ["code", "-w", "--goto", "f:7"]),
        ("hx", ["hx", "f:7"]),
        ("my-editor", ["my-editor", "f"]),
    ],
)
def test_editors_are_told_the_line_in_their_own_way(chosen, expected, monkeypatch):
    from clubos_tui.ui.review import editor

    monkeypatch.setenv("VISUAL", chosen)
    assert editor("f", 7) == expected
