"""One transaction on one folder: races in every gap, and what is then where."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import manifest

from clubos_tui.apply.hooks import Hooks, Result
from clubos_tui.apply.record import ANY_FOLDER, Folders, Intent, Record, unfinished
from clubos_tui.apply.reverse import reverse
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import BlobId, Entry, Write
from clubos_tui.disk import AS_REPLACED, Found
from clubos_tui.errors import InTheWay
from clubos_tui.repository.objects import object_id

Step = Callable[[str], None]


def entry(data: bytes | None, mode: str = "100644") -> Entry | None:
    """Return what a tree holds for some bytes."""
    return None if data is None else Entry(mode, BlobId(object_id("blob", data)))


def begin(
    base: Path,
    rows: dict[str, tuple[bytes | None, bytes | None]],
    *,
    step: Step = lambda _: None,
    number: int = 1,
    content: Callable[[Write], Found] | None = None,
    folders: Folders = ANY_FOLDER,
) -> Transaction:
    """Begin a transaction on ``base/root`` that takes each path from its first to its second."""
    writes = tuple(Write(path, entry(old), entry(new)) for path, (old, new) in sorted(rows.items()))
    intent = Intent(
        id=f"t{number}", place="stage", purpose="execute", phase=1, root=str(base / "root"),
        staging=str(base / f"staging{number}"), vault=str(base / f"vault{number}"), writes=writes,
        object_format="sha1", folders=folders,
    )  # fmt: skip

    def given_content(write: Write) -> Found:
        data = rows[write.path][1]
        assert data is not None
        return Found("100644", data, AS_REPLACED)

    record = Record.begin(str(base / "records" / f"t{number}.jsonl"), intent)
    return Transaction(record, Hooks(content or given_content, step=step))


def perform(work: Transaction) -> Result:
    """Carry it out to the end."""
    work.prepare(on_mismatch="refuse")
    work.commit()
    work.switch()
    return work.finish()


def lay_out(root: Path, files: dict[str, bytes]) -> None:
    """Write files."""
    root.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


ROWS: dict[str, tuple[bytes | None, bytes | None]] = {
    "change.txt": (b"old\n", b"new\n"),
    "create.txt": (None, b"made\n"),
    "delete.txt": (b"gone\n", None),
    "deep/create.txt": (None, b"deep\n"),
}
BEFORE = {path: old for path, (old, _) in ROWS.items() if old is not None}


@pytest.mark.parametrize("path", ROWS)
@pytest.mark.parametrize("gap", ["checked", "backed up", "prepared", "committed"])
@pytest.mark.parametrize("edit", ["bytes", "folder", "link", "pipe", "nothing there"])
def test_p4_an_edit_in_any_gap_is_kept(tmp_path: Path, path: str, gap: str, edit: str) -> None:
    """Someone puts something at the path between two steps: it is there afterwards, untouched."""
    root = tmp_path / "root"
    lay_out(root, BEFORE)
    place = root / path

    def step(name: str) -> None:
        if name != gap:
            return
        place.parent.mkdir(exist_ok=True)
        if place.exists():
            place.unlink()
        if edit == "bytes":
            place.write_bytes(b"mine\n")
        elif edit == "folder":
            place.mkdir()
            (place / "inside.txt").write_bytes(b"mine\n")
        elif edit == "link":
            place.symlink_to("/etc/hostname")
        elif edit == "pipe":
            os.mkfifo(place)

    work = begin(tmp_path, ROWS, step=step)
    result = perform(work)
    if edit == "bytes":
        assert place.read_bytes() == b"mine\n"
    elif edit == "folder":
        assert (place / "inside.txt").read_bytes() == b"mine\n"
    elif edit == "link":
        assert os.readlink(place) == "/etc/hostname"
    elif edit == "pipe":
        assert place.is_fifo()
    elif ROWS[path][0] is not None and ROWS[path][1] is not None:
        assert not place.exists()
    if edit != "nothing there":
        assert [item.path for item in result.left] == [path]
    for other, (_, new) in ROWS.items():
        if other != path:
            assert (root / other).exists() == (new is not None)
    assert not (tmp_path / "staging1").exists()


@pytest.mark.parametrize("edit", ["bytes", "folder"])
def test_p4_a_transaction_taken_back_leaves_an_edit_made_since(tmp_path: Path, edit: str) -> None:
    """A later path can't be written; the earlier one was edited after we wrote it: that stays."""
    root = tmp_path / "root"
    lay_out(root, BEFORE)

    def step(name: str) -> None:
        if name == "switched change.txt":
            (root / "change.txt").unlink()
            if edit == "bytes":
                (root / "change.txt").write_bytes(b"mine\n")
            else:
                lay_out(root, {"change.txt/inside.txt": b"mine\n"})
            raise PermissionError(13, "Permission denied", "next")

    work = begin(tmp_path, ROWS, step=step)
    work.prepare(on_mismatch="refuse")
    work.commit()
    with pytest.raises(Exception, match="could not be written"):
        work.switch()
    work.abandon()
    place = root / "change.txt" if edit == "bytes" else root / "change.txt/inside.txt"
    assert place.read_bytes() == b"mine\n"
    assert (root / "delete.txt").read_bytes() == b"gone\n"
    assert not (root / "create.txt").exists()


def test_p4_a_mismatch_is_refused_before_anything_is_staged(tmp_path: Path) -> None:
    """Every wrong path is named at once."""
    root = tmp_path / "root"
    lay_out(root, {**BEFORE, "change.txt": b"mine\n", "create.txt": b"mine\n"})
    before = manifest.manifest(root)
    with pytest.raises(InTheWay) as caught:
        perform(begin(tmp_path, ROWS))
    assert set(caught.value.paths) == {"change.txt", "create.txt"}
    assert manifest.manifest(root) == before
    assert unfinished(str(tmp_path / "records")) == []


def test_p4_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    """Nothing is written outside the root through a link put there in between."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    lay_out(root, {"dir/a.txt": b"a\n"})
    lay_out(outside, {"a.txt": b"a\n"})
    before = manifest.manifest(outside)

    def step(name: str) -> None:
        if name == "committed":
            shutil.rmtree(root / "dir")
            (root / "dir").symlink_to(outside)

    result = perform(
        begin(tmp_path, {"dir/a.txt": (b"a\n", b"evil\n"), "dir/b.txt": (None, b"evil\n")},
              step=step)
    )  # fmt: skip
    assert {item.path for item in result.left} == {"dir/a.txt", "dir/b.txt"}
    assert manifest.manifest(outside) == before


def test_modes_are_kept_and_come_back(tmp_path: Path) -> None:
    """A private file stays private when it is changed, deleted and restored."""
    root = tmp_path / "root"
    lay_out(root, BEFORE)
    (root / "change.txt").chmod(0o600)
    (root / "delete.txt").chmod(0o640)
    before = manifest.without_times(manifest.manifest(root))
    first = begin(tmp_path, ROWS)
    perform(first)
    assert (root / "change.txt").stat().st_mode & 0o777 == 0o600
    back = reverse([first.record])
    intent = first.intent
    record = Record.begin(
        str(tmp_path / "records/t3.jsonl"),
        Intent(
            "t3", "stage", "rollback", 1, intent.root, str(tmp_path / "staging3"),
            str(tmp_path / "vault3"), back.writes, "sha1", folders=back.folders,
        ),
    )  # fmt: skip
    perform(Transaction(record, Hooks(back.content)))
    assert len(back.writes) == 4
    assert manifest.difference(before, manifest.without_times(manifest.manifest(root))) == []


def test_p4_permissions_changed_since_are_not_loosened(tmp_path: Path) -> None:
    """Made private after we wrote it: it stays private when its old bytes come back."""
    root = tmp_path / "root"
    lay_out(root, BEFORE)
    (root / "change.txt").chmod(0o644)
    first = begin(tmp_path, ROWS)
    perform(first)
    (root / "change.txt").chmod(0o600)
    back = reverse([first.record])
    intent = Intent(
        "t2", "stage", "rollback", 1, str(root), str(tmp_path / "staging2"),
        str(tmp_path / "vault2"), back.writes, "sha1", folders=back.folders,
    )  # fmt: skip
    record = Record.begin(str(tmp_path / "records/t2.jsonl"), intent)
    perform(Transaction(record, Hooks(back.content)))
    assert (root / "change.txt").read_bytes() == b"old\n"
    assert (root / "change.txt").stat().st_mode & 0o777 == 0o600


PATHS = ("a", "a/b", "a/b/c", "d", "d/e", "f")
TREES = st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=2), max_size=4)


def _possible(tree: dict[str, bytes]) -> bool:
    return not any(other.startswith(path + "/") for path in tree for other in tree)


@settings(max_examples=120)
@given(old=TREES.filter(_possible), new=TREES.filter(_possible))
def test_any_tree_becomes_any_other_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    """Files that become folders, folders that become files: exactly the new tree, then the old."""
    base = tmp_path_factory.mktemp("tree")
    root = base / "root"
    lay_out(root, old)
    rows = {
        path: (old.get(path), new.get(path))
        for path in old.keys() | new.keys()
        if old.get(path) != new.get(path)
    }
    first = begin(base, rows)
    result = perform(first)
    assert result.left == ()
    assert _files(root) == new
    back = reverse([first.record])
    record = Record.begin(
        str(base / "records/t2.jsonl"),
        Intent("t2", "stage", "rollback", 1, str(root), str(base / "staging2"),
               str(base / "vault2"), back.writes, "sha1", folders=back.folders),
    )  # fmt: skip
    assert perform(Transaction(record, Hooks(back.content))).left == ()
    assert _files(root) == old


def _files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
