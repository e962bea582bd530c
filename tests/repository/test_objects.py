"""Objects, packs and trees: what we write is what git would have written."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import agents
from support.journey import Journey
from support.repo import Repo

from clubos_tui.changes.manifest import Entry, path_bytes
from clubos_tui.engine.session import Session
from clubos_tui.errors import GitFailed
from clubos_tui.repository.discover import require_commit
from clubos_tui.repository.objects import NewObject, object_id, write_pack

Start = Callable[..., Journey]
FORMATS = ("sha1", "sha256")


@settings(max_examples=20)
@given(
    contents=st.lists(st.binary(max_size=300), min_size=1, max_size=300),
    object_format=st.sampled_from(FORMATS),
)
def test_git_accepts_our_packs(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], object_format: str
) -> None:
    """`index-pack --strict` agrees with the pack and with our index of it, byte for byte."""
    folder = tmp_path_factory.mktemp("pack")
    items = [NewObject("blob", object_id("blob", data, object_format), data) for data in contents]
    items = list({item.id: item for item in items}.values())
    name = write_pack(str(folder), items, object_format)
    theirs = folder / "theirs.idx"
    done = subprocess.run(
        ["git", "index-pack", "--strict", f"--object-format={object_format}", "-o", str(theirs),
         str(folder / f"{name}.pack")],
        capture_output=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert theirs.read_bytes() == (folder / f"{name}.idx").read_bytes()


def test_a_large_object_is_packed(tmp_path: Path) -> None:
    """Sizes that need several bytes in the header."""
    data = bytes(range(256)) * 5000
    write_pack(str(tmp_path), [NewObject("blob", object_id("blob", data), data)], "sha1")
    pack = next(tmp_path.glob("*.pack"))
    listing = subprocess.run(
        ["git", "verify-pack", "-v", str(pack)], check=True, capture_output=True
    )
    assert b"blob   1280000" in listing.stdout


NAMES = st.sampled_from([b"a", b"b", b"a.b", b"a-b", b"a0", b"\xff", b"z z", b"A"])
TREE_PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)


@settings(max_examples=40)
@given(old=st.dictionaries(TREE_PATHS, st.binary(max_size=3), max_size=8),
       new=st.dictionaries(TREE_PATHS, st.binary(max_size=3) | st.none(), max_size=8))  # fmt: skip
def test_trees_are_what_git_makes(
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    old: dict[bytes, bytes],
    new: dict[bytes, bytes | None],
) -> None:
    """Building a tree on another gives the id that git's own index gives."""
    repo = Repo.make(tmp_path_factory.mktemp("trees") / "repo")
    session = Session.open(repo.path)
    try:
        base: dict[str, Entry | None] = {}
        blobs = {}
        for path, data in old.items():
            if _fits(path, base):
                base[_text(path)] = Entry("100644", object_id("blob", data))  # type: ignore[arg-type]
                blobs[object_id("blob", data)] = data
        first = session.workshop.build(session.workshop.trees.empty, base, blobs)  # type: ignore[arg-type]
        puts: dict[str, Entry | None] = {}
        tree = dict(base)
        for path, content in new.items():
            if content is None and _text(path) in tree:
                puts[_text(path)] = None
                del tree[_text(path)]
        for path, content in new.items():
            if content is not None and _fits(path, tree) and _text(path) not in puts:
                entry = Entry("100755", object_id("blob", content))  # type: ignore[arg-type]
                puts[_text(path)] = tree[_text(path)] = entry
                blobs[object_id("blob", content)] = content
        second = session.workshop.build(first, puts, blobs)  # type: ignore[arg-type]
        assert session.workshop.files(second) == tree
        assert session.workshop.files(second) == tree
        rows = b"".join(
            f"{entry.mode} {entry.blob}\t".encode() + path_bytes(path) + b"\0"
            for path, entry in tree.items() if entry
        )  # fmt: skip
        env = {"GIT_INDEX_FILE": str(repo.root.parent / "scratch")}
        git = session.workshop.git
        git.run("update-index", "-z", "--index-info", stdin=rows, env=env)
        assert git.run("write-tree", env=env).decode().strip() == second
    finally:
        session.close()


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _fits(path: bytes, tree: dict[str, Entry | None]) -> bool:
    text = _text(path)
    parents = ["/".join(text.split("/")[:depth]) for depth in range(1, text.count("/") + 1)]
    return not any(other.startswith(text + "/") for other in tree) and not any(
        parent in tree for parent in parents
    )


def test_a_missing_object_is_named(session: Session) -> None:
    """Not an empty file, not a crash."""
    with pytest.raises(GitFailed, match="1" * 40):
        session.workshop.objects.read("1" * 40)
    tree = session.workshop.tree_of(require_commit(session.repository).commit)
    assert session.workshop.objects.read(tree)[0] == "tree"


def test_an_answer_nobody_waited_for_is_not_taken_for_the_next(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C, or no memory for a large file, between a question and its answer."""
    objects = session.workshop.objects
    one, other = (NewObject("blob", object_id("blob", data), data) for data in (b"1", b"2"))
    session.workshop.write([one, other])

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for ask in (lambda: objects.read(one.id), lambda: list(objects.read_all([one.id, other.id]))):
        with monkeypatch.context() as patch:
            patch.setattr(objects, "_answer", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ask()
        assert objects.read(other.id) == ("blob", b"2")


def test_the_whole_flow_in_a_sha256_repository(home: Path, tmp_path: Path, journey: Start) -> None:
    """No id of a fixed length anywhere."""
    repo = Repo.make(tmp_path / "long", "--object-format=sha256")
    repo.mess()
    before = repo.index()
    run = journey(
        agents.all_of(agents.write("src/app.txt", "new\n"), agents.delete("src/old.txt")),
        agents.write("b.txt", "b\n"),
        where=repo,
    ).live()
    assert len(run.phase(2).change_set) == 64
    run.merge()
    assert repo.tree("HEAD") == run.phase(2).change_set
    run.roll_back(1, close=True)
    assert repo.index() == before
    repo.fsck()


def test_the_workshop_borrows_and_never_lends(repo: Repo, session: Session) -> None:
    """Its objects are the person's by alternates; nothing of it is in the person's store."""
    blob = object_id("blob", b"only in the workshop")
    session.workshop.write([NewObject("blob", blob, b"only in the workshop")])
    assert session.workshop.objects.blob(blob) == b"only in the workshop"  # type: ignore[arg-type]
    assert repo.ask("cat-file", "-e", blob).returncode != 0
