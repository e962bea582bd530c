"""Objects of the workshop that nothing names: found, dropped, and nothing else missed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.repo import Repo

from clubos_tui.changes.manifest import BlobId, Entry, TreeId
from clubos_tui.engine.session import Session
from clubos_tui.errors import GitFailed
from clubos_tui.repository import spare
from clubos_tui.repository.discover import Identity
from clubos_tui.repository.objects import NewObject, object_id
from clubos_tui.repository.workshop import CommitSpec, Workshop

LATE = -60.0  # nothing is too young


@pytest.fixture(params=["sha1", "sha256"])
def session(request: pytest.FixtureRequest, home: Path, tmp_path: Path):
    repo = Repo.make(tmp_path / "repo", f"--object-format={request.param}")
    opened = Session.open(repo.path)
    yield opened
    opened.close()


@pytest.fixture
def unlink(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.setattr(spare, "SETTLED", LATE)
    return os.unlink


def grow(workshop: Workshop, base: str, path: str, words: str) -> tuple[TreeId, BlobId]:
    """Write a tree with one more file."""
    data = words.encode() * 50
    blob = BlobId(object_id("blob", data, workshop.object_format))
    return workshop.build(base, {path: Entry("100644", blob)}, {blob: data}), blob


def holds(workshop: Workshop, name: str) -> bool:
    try:
        workshop.objects.read(name)
    except GitFailed:
        return False
    return True


def objects(workshop: Workshop, *names: str) -> list[NewObject]:
    """Return objects that are there, to be written once more."""
    found = workshop.objects.read_all(names)
    return [NewObject(kind, name, data) for name, (kind, data) in zip(names, found, strict=True)]


def base_of(session: Session) -> TreeId:
    head = session.workshop.git.run("--git-dir", session.repository.git_dir, "rev-parse", "HEAD")
    return session.workshop.tree_of(head.decode().strip())


def test_what_is_named_stays_with_all_it_holds(session: Session, unlink) -> None:
    workshop, base = session.workshop, base_of(session)
    first, a = grow(workshop, base, "deep/er/a.txt", "a\n")
    second, b = grow(workshop, first, "deep/b.txt", "b\n")
    third, c = grow(workshop, second, "c.txt", "c\n")
    author = Identity("Pat", "pat@example.org")
    root = workshop.commit(CommitSpec(first, (), "one", author, "0 +0000"))
    top = workshop.commit(CommitSpec(second, (root,), "two", author, "0 +0000"))
    lone, d = grow(workshop, base, "d.txt", "d\n")
    workshop.git.run("hash-object", "-w", "--stdin", stdin=b"loose and forgotten\n")
    workshop.write(objects(workshop, second, third, lone))  # one pack, of both kinds
    kept = {top, root, first, second, a, b}
    gone = {third, c, lone, d}
    found = spare.find(workshop, {top, base})
    assert set(found.keep) == {second}, "the other packs hold nothing else"
    assert found.bytes > 0
    spare.drop(workshop, found, session.paths.scratch, unlink)
    for reader in (workshop, Workshop(workshop.path, session.repository)):
        assert {name for name in kept | gone if holds(reader, name)} == kept
        assert reader.content(second, "README.md") == b"# Club\n"
        reader.close()
    assert os.listdir(session.paths.scratch) == []
    again = spare.find(workshop, {top, base})
    assert (again.old, again.bytes) == ((), 0)
    workshop.git.run("fsck", "--full", "--no-dangling")


@settings(max_examples=15)
@given(st.data())
def test_whatever_is_named_is_all_there_afterwards(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Trees that grow from one another, any of them named, once or twice tidied."""
    folder = tmp_path_factory.mktemp("spare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spare, "SETTLED", LATE)
        patch.setenv("CLUBOS_STATE_DIR", str(folder / "state"))
        patch.setenv("GIT_AUTHOR_NAME", "Pat")
        repo = Repo(folder / "repo")
        repo.root.mkdir()
        repo.git("init", "-q")
        repo.write("README.md", "# Club\n")
        repo.git("add", "--all")
        repo.git("-c", "user.name=P", "-c", "user.email=p@e.org", "commit", "-q", "-m", "1")
        session = Session.open(repo.path)
        workshop = session.workshop
        trees = [base_of(session)]
        contents: dict[str, dict[str, bytes | None]] = {trees[0]: {}}
        for number in range(data.draw(st.integers(1, 6))):
            base = data.draw(st.sampled_from(trees))
            path = data.draw(st.sampled_from(["a", "b/c", "b/d/e"]))
            tree, blob = grow(workshop, base, path, str(number % 3))
            trees.append(tree)
            contents[tree] = {**contents[base], path: workshop.objects.blob(blob)}
        named = set(data.draw(st.lists(st.sampled_from(trees))))
        for _ in range(2):
            found = spare.find(workshop, named)
            spare.drop(workshop, found, session.paths.scratch, os.unlink)
        assert found.bytes == 0
        fresh = Workshop(workshop.path, session.repository)
        for tree in named:
            for path, words in contents[tree].items():
                assert fresh.content(tree, path) == words
        fresh.close()
        session.close()


def test_a_pack_without_a_spare_object_stays_as_it_is(session: Session, unlink) -> None:
    workshop, base = session.workshop, base_of(session)
    kept, _ = grow(workshop, base, "a.txt", "a\n")
    (first,) = os.listdir(os.path.join(workshop.path, "objects/pack"))[:1]
    grow(workshop, base, "b.txt", "b\n")
    found = spare.find(workshop, {kept})
    assert found.keep == ()
    assert not any(first[:-5] in path for path, _ in found.old)
    spare.drop(workshop, found, session.paths.scratch, unlink)
    assert first in os.listdir(os.path.join(workshop.path, "objects/pack"))


def test_what_was_written_lately_is_let_be(session: Session) -> None:
    """It may be a preview's, which is being made beside us and names it nowhere."""
    grow(session.workshop, base_of(session), "a.txt", "a\n")
    found = spare.find(session.workshop, set())
    assert (found.keep, found.old, found.bytes) == ((), (), 0)


def test_what_is_used_again_meanwhile_is_let_be(session: Session, unlink) -> None:
    """git renews the time of what it would have written anew."""
    tree, _ = grow(session.workshop, base_of(session), "a.txt", "a\n")
    found = spare.find(session.workshop, set())
    for path, _ in found.old:
        os.utime(f"{path[:-4]}.pack")
    spare.drop(session.workshop, found, session.paths.scratch, unlink)
    assert holds(session.workshop, tree)


def test_a_new_pack_that_lacks_something_lets_nothing_go(
    session: Session, unlink, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop, base = session.workshop, base_of(session)
    first, _ = grow(workshop, base, "a.txt", "a\n")
    second, _ = grow(workshop, first, "b.txt", "b\n")
    workshop.write(objects(workshop, first, second))
    found = spare.find(workshop, {first})
    assert found.keep
    with monkeypatch.context() as patch:
        patch.setattr(spare, "_objects", lambda *_: {"0" * 40: 1})
        with pytest.raises(GitFailed, match="does not hold what it should"):
            spare.drop(workshop, found, session.paths.scratch, unlink)
    assert holds(workshop, first)
    assert holds(workshop, second)


def test_ids_are_found_wherever_they_stand() -> None:
    one, two = "a" * 40, "0123456789abcdef" * 4
    text = f'{{"tree":"{one}","prev":"{two}","note":"x{one}y {one[:39]} {one}b"}}'.encode()
    assert spare.ids_in(text) == {one, two}
