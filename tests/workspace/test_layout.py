"""A folder that is brought from tree to tree holds each of them as if it were laid out anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifest import manifest
from support.repo import Repo

from clubos_tui.changes.manifest import BlobId, Entry
from clubos_tui.engine.session import Session
from clubos_tui.errors import HostilePath
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.workshop import Workshop
from clubos_tui.workspace import known, scan
from clubos_tui.workspace.layout import Layout

NAMES = ["a", "b", "dir/a", "dir/b", "dir/in/a", "other/x", ".env", "dir/.env"]
FILES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([b"", b"1", b"22"]), max_size=6)


def tree_of(workshop: Workshop, files: dict[str, bytes]) -> str:
    """Write the tree of ``files``."""
    blobs = {BlobId(object_id("blob", data)): data for data in files.values()}
    puts = {path: Entry("100644", BlobId(object_id("blob", data))) for path, data in files.items()}
    return workshop.build(workshop.trees.empty, puts, blobs)


def held(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def workshop(session: Session) -> Workshop:
    """The workshop of a fresh repository."""
    return session.workshop


@pytest.fixture
def place(workshop: Workshop, tmp_path: Path) -> Iterator[Layout]:
    """A layout that nothing was brought to yet."""
    made = Layout(str(tmp_path / "space"), workshop, hide=True)
    yield made
    made.close()


@settings(max_examples=40)
@given(steps=st.lists(st.tuples(FILES, FILES, st.sampled_from(["built", "left", "killed", "anew"])),
                      min_size=1, max_size=4))  # fmt: skip
def test_p1_whatever_was_left_the_next_base_is_exact(
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[dict[str, bytes], dict[str, bytes], str]],
) -> None:
    """An agent turns one tree into another; it ends well, fails, is killed; then a new base."""
    folder = tmp_path_factory.mktemp("layout")
    session = Session.open(Repo.make(folder / "repo").path)
    place = Layout(str(folder / "space"), session.workshop, hide=True)
    try:
        for base, wanted, ending in steps:
            tree = tree_of(session.workshop, base)
            place.bring(tree)
            secret = {path for path in base if path.endswith(".env")}
            shown = {path: data for path, data in base.items() if path not in secret}
            assert held(folder / "space") == shown
            assert set(place.hidden) == secret
            place.hand_over()
            edited = {path: data for path, data in wanted.items() if not path.endswith(".env")}
            for path in shown.keys() - edited.keys():
                (folder / "space" / path).unlink()
            for path, data in edited.items():
                (folder / "space" / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / "space" / path).write_bytes(data)
            if ending == "built":
                found = place.scan()
                built = session.workshop.build(tree, found.puts, found.blobs)
                expected = {**{path: base[path] for path in secret}, **edited}
                assert built == tree_of(session.workshop, expected)
                place.settle(built)
                assert place.holds == built
            elif ending != "left":
                place.close()
                if ending == "anew":
                    os.unlink(f"{place.folder}.known")
                place = Layout(place.folder, session.workshop, hide=True)
                assert place.holds == ""
    finally:
        place.close()
        session.close()


def test_another_process_finds_what_was_built(place: Layout, workshop: Workshop) -> None:
    """What is known is saved now and then only; the rest follows from the trees."""
    base = tree_of(workshop, {"a": b"1", "dir/b": b"1", ".env": b"KEY"})
    place.bring(base)
    place.hand_over()
    (Path(place.folder) / "dir/b").write_bytes(b"2")
    (Path(place.folder) / "new").write_bytes(b"3")
    found = place.scan()
    tree = workshop.build(base, found.puts, found.blobs)
    place.settle(tree)
    again = Layout(place.folder, workshop, hide=True)
    assert (again.holds, again.hidden) == (tree, (".env",))
    assert not again.scan().puts
    again.settle(tree)
    again.bring(base)
    assert held(Path(place.folder)) == {"a": b"1", "dir/b": b"1"}


def test_only_what_was_touched_is_read(
    place: Layout, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.bring(tree_of(workshop, {f"{n // 10}/{n}": b"x" for n in range(100)}))
    place.hand_over()
    (Path(place.folder) / "3/33").write_bytes(b"y")
    (Path(place.folder) / "new/deep").mkdir(parents=True)
    (Path(place.folder) / "new/deep/one").write_bytes(b"z")
    (Path(place.folder) / "4/40").unlink()
    read: list[bytes] = []
    inner = scan.read_entry
    monkeypatch.setattr(
        scan, "read_entry", lambda root, raw, *rest: read.append(raw) or inner(root, raw, *rest)
    )
    assert {path: bool(put) for path, put in place.scan().puts.items()} == {
        "3/33": True, "new/deep/one": True, "4/40": False,
    }  # fmt: skip
    assert sorted(set(read)) == [b"3/33", b"new/deep/one"]


@pytest.mark.parametrize("why", ["overflow", "moved", "no inotify"])
def test_where_the_kernel_cannot_say_everything_is_looked_at(
    place: Layout, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "no inotify":
        monkeypatch.setattr("clubos_tui.workspace.touched.sys.platform", "other")
    place.bring(tree_of(workshop, {"dir/a": b"1", "dir/in/b": b"1", "c": b"1"}))
    place.hand_over()
    root = Path(place.folder)
    if why == "moved":
        (root / "dir").rename(root / "moved")
        wanted = {"dir/a": False, "dir/in/b": False, "moved/a": True, "moved/in/b": True}
    elif why == "overflow":
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        if limit > 100_000:
            pytest.skip(f"the queue of this system holds {limit} events")
        for turn in range(limit // 2 + 10):  # alternating, or the kernel joins equal events
            os.utime(root / ("c" if turn % 2 else "dir/a"))
            os.utime(root / ("dir/in/b" if turn % 2 else "c"))
        (root / "c").write_bytes(b"2")
        wanted = {"c": True}
    else:
        (root / "c").write_bytes(b"2")
        wanted = {"c": True}
    assert {path: bool(put) for path, put in place.scan().puts.items()} == wanted


def test_an_edit_that_keeps_size_and_time_is_found_without_the_kernels_help(
    place: Layout, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program can set the change time back, and a young file is read again."""
    place.bring(tree_of(workshop, {"a": b"1"}))
    tree = place.holds
    for settled in (False, True):
        if settled:
            monkeypatch.setattr(known, "SETTLED_NS", 0)
            monkeypatch.setattr("clubos_tui.workspace.touched.sys.platform", "other")
            assert not Layout(place.folder, workshop, hide=True).scan().puts
            time.sleep(0.02)  # one tick of the coarsest clock of a kernel
        before = os.stat(Path(place.folder) / "a")
        (Path(place.folder) / "a").write_bytes(b"2")
        os.utime(Path(place.folder) / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert list(place.scan().puts) == ["a"]
        place.bring(tree)
        place.settle(tree)
        (Path(place.folder) / "a").write_bytes(b"1")
        place.scan()
        place.settle(tree)


def test_p8_a_planted_git_folder_is_refused_and_gone_at_the_next_base(
    place: Layout, workshop: Workshop
) -> None:
    base = tree_of(workshop, {"a": b"1"})
    place.bring(base)
    place.hand_over()
    (Path(place.folder) / "sub/.git/hooks").mkdir(parents=True)
    (Path(place.folder) / "sub/.git/hooks/pre-commit").write_bytes(b"evil")
    with pytest.raises(HostilePath, match=r"\.git"):
        place.scan()
    assert place.holds == ""
    place.bring(base)
    assert held(Path(place.folder)) == {"a": b"1"}
    assert not (Path(place.folder) / "sub").exists()


def test_p8_what_lies_behind_a_link_is_never_touched(
    place: Layout, workshop: Workshop, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"theirs")
    base, other = (tree_of(workshop, {"dir/a": data}) for data in (b"1", b"2"))
    place.bring(base)
    place.hand_over()
    shutil.rmtree(Path(place.folder) / "dir")
    (Path(place.folder) / "dir").symlink_to(outside)
    place.bring(other)
    assert held(Path(place.folder)) == {"dir/a": b"2"}
    # Also where nobody noticed that it was swapped.
    shutil.rmtree(Path(place.folder) / "dir")
    (Path(place.folder) / "dir").symlink_to(outside)
    place.bring(base)
    assert held(Path(place.folder)) == {"dir/a": b"1"}
    assert (outside / "a").read_bytes() == b"theirs"


def test_p8_folders_without_end_are_refused_and_gone_at_the_next_base(
    place: Layout,
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Deeper than Python recurses; else no run of the repository could ever go on."""
    # pytest's own clean-up recurses too, and would stop every later session.
    request.addfinalizer(lambda: subprocess.run(["rm", "-rf", place.folder], check=True))
    base = tree_of(workshop, {"a": b"1"})
    place.bring(base)
    place.hand_over()
    monkeypatch.chdir(place.folder)
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    Path("deep").write_bytes(b"x")
    os.chdir(place.folder)
    with pytest.raises(HostilePath, match="deeper than"):
        place.scan()
    place.bring(base)
    assert os.listdir(place.folder) == ["a"]
    place.hand_over()
    (Path(place.folder) / "a").write_bytes(b"2")
    assert list(place.scan().puts) == ["a"]


def test_permissions_an_agent_took_away_do_not_stop_the_next_base(
    place: Layout, workshop: Workshop
) -> None:
    base = tree_of(workshop, {"dir/a": b"1"})
    place.bring(base)
    place.hand_over()
    os.mkfifo(Path(place.folder) / "pipe")
    (Path(place.folder) / "dir").chmod(0)
    place.bring(base)
    assert held(Path(place.folder)) == {"dir/a": b"1"}


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty"])
def test_a_damaged_note_is_not_believed(place: Layout, workshop: Workshop, damage: str) -> None:
    base = tree_of(workshop, {"a": b"1"})
    place.bring(base)
    note = Path(f"{place.folder}.known")
    data = bytearray(note.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    note.write_bytes({"torn": data[:-3], "flipped": data, "empty": b""}[damage])
    again = Layout(place.folder, workshop, hide=True)
    assert again.holds == ""
    again.bring(base)
    assert again.holds == base
    assert held(Path(place.folder)) == {"a": b"1"}


def test_p2_a_folder_that_became_a_link_is_not_looked_through(
    place: Layout, workshop: Workshop
) -> None:
    """Each file belongs to the folder it lies in, and to no link that leads there."""
    base = tree_of(workshop, {"old/a": b"1", "old/b": b"1", "keep": b"1"})
    root = Path(place.folder)
    place.bring(base)
    place.hand_over()
    for name in ("a", "b"):
        (root / "old" / name).write_bytes(b"soon gone")
        (root / "old" / name).unlink()
    (root / "old").rmdir()
    (root / "new").mkdir()
    (root / "new/a").write_bytes(b"2")
    (root / "old").symlink_to("new")
    found = place.scan()
    assert {path: put and put.mode for path, put in found.puts.items()} == {
        "new/a": "100644", "old": "120000", "old/a": None, "old/b": None,
    }  # fmt: skip
    assert workshop.files(workshop.build(base, found.puts, found.blobs)).keys() == {
        "keep", "new/a", "old",
    }  # fmt: skip


def test_p2_a_new_folder_that_became_a_link_is_not_looked_through(
    place: Layout, workshop: Workshop
) -> None:
    """Nor does a link hide what is written later in the folder it leads to."""
    base = tree_of(workshop, {"dir/a": b"1"})
    root = Path(place.folder)
    place.bring(base)
    place.hand_over()
    (root / "new").mkdir()
    (root / "new").rmdir()
    (root / "new").symlink_to("dir")
    found = place.scan()
    assert list(found.puts) == ["new"]
    place.settle(workshop.build(base, found.puts, found.blobs))
    place.bring(place.holds)
    place.hand_over()
    (root / "dir/a").write_bytes(b"2")
    assert list(place.scan().puts) == ["dir/a"]


def test_p1_what_an_agent_writes_after_its_turn_is_taken_away_again(
    place: Layout, workshop: Workshop
) -> None:
    base = tree_of(workshop, {"a": b"1"})
    place.bring(base)
    place.hand_over()
    (Path(place.folder) / "b").write_bytes(b"2")
    found = place.scan()
    tree = workshop.build(base, found.puts, found.blobs)
    place.settle(tree)
    (Path(place.folder) / "a").write_bytes(b"late")
    place.bring(tree)
    assert held(Path(place.folder)) == {"a": b"1", "b": b"2"}
    place.hand_over()
    (Path(place.folder) / "a").write_bytes(b"in time")
    assert list(place.scan().puts) == ["a"]


@pytest.mark.parametrize("saved", ["just now", "long ago"])
def test_a_base_that_git_has_thrown_away_does_not_stop_the_next(
    place: Layout, workshop: Workshop, repo: Repo, tmp_path: Path, saved: str
) -> None:
    """The person rewrote history and had git prune: what the folder held is no tree any more."""
    older, old = tree_of(workshop, {"a": b"1"}), tree_of(workshop, {"a": b"1", "b": b"1"})
    place.bring(older)
    if saved == "long ago":
        place.bring(old)
    stage = Layout(str(tmp_path / "stage"), workshop, hide=False)
    stage.bring(old)
    for pack in Path(workshop.path, "objects/pack").iterdir():
        pack.unlink()
    with closing(Session.open(repo.path)) as session:
        base = tree_of(session.workshop, {"a": b"2"})
        again = Layout(place.folder, session.workshop, hide=True)
        again.bring(base)
        assert held(Path(place.folder)) == {"a": b"2"}
        new = Layout(str(tmp_path / "new"), session.workshop, hide=False)
        assert not new.take_over(stage.folder, base)


# --- the stage of a closed run ------------------------------------------------------------------


def test_a_stage_is_taken_over_where_it_holds_what_the_run_left(
    workshop: Workshop, tmp_path: Path
) -> None:
    first, second = ({"a": b"1", ".env": b"K"}, {"a": b"2", "dir/b": b"1", ".env": b"K"})
    old = Layout(str(tmp_path / "old"), workshop, hide=False)
    old.bring(tree_of(workshop, first))
    (tmp_path / "old/a").write_bytes(b"2")  # as a transaction does, which keeps no note
    (tmp_path / "old/dir").mkdir()
    (tmp_path / "old/dir/b").write_bytes(b"1")
    new = Layout(str(tmp_path / "new"), workshop, hide=False)
    assert new.take_over(old.folder, tree_of(workshop, second))
    new.bring(tree_of(workshop, first))
    assert held(tmp_path / "new") == first
    assert sorted(os.listdir(tmp_path)) == ["home", "new", "new.holds", "new.known", "repo",
                                            "state"]  # fmt: skip


def test_p4_a_stage_somebody_worked_in_is_not_taken_over(
    workshop: Workshop, tmp_path: Path
) -> None:
    tree = tree_of(workshop, {"a": b"1"})
    Layout(str(tmp_path / "old"), workshop, hide=False).bring(tree)
    (tmp_path / "old/notes").write_bytes(b"the person's")
    before = manifest(tmp_path / "old")
    new = Layout(str(tmp_path / "new"), workshop, hide=False)
    assert not new.take_over(str(tmp_path / "old"), tree)
    new.bring(tree)
    assert held(tmp_path / "new") == {"a": b"1"}
    assert manifest(tmp_path / "old") == before
