"""Trees are read as far as they are asked about, and compared as git compares them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.repo import Repo

from clubos_tui.changes.manifest import BlobId, Entry
from clubos_tui.changes.paths import collision, fold
from clubos_tui.engine.session import Session
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.trees import Trees
from clubos_tui.repository.workshop import Workshop

PATHS = st.lists(st.sampled_from(["a", "A", "b", "a.b", "é"]), min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.sampled_from([b"", b"one", b"two"]), max_size=8)


def entries(files: dict[str, bytes]) -> dict[str, Entry]:
    """Return those of ``files`` that can lie beside each other, as a tree holds them."""
    out: dict[str, Entry] = {}
    for path, data in files.items():
        above = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
        if not any(part in out for part in above) and not any(
            other.startswith(path + "/") for other in out
        ):
            out[path] = Entry("100644", BlobId(object_id("blob", data)))
    return out


def made(workshop: Workshop, files: dict[str, bytes]) -> str:
    """Write a tree of ``files``."""
    blobs = {BlobId(object_id("blob", data)): data for data in files.values()}
    return workshop.build(workshop.trees.empty, entries(files), blobs)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory):
    """A workshop for the whole file: trees are never changed, so nothing is shared."""
    folder = tmp_path_factory.mktemp("trees")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLUBOS_STATE_DIR", str(folder / "state"))
        patch.setenv("HOME", str(folder))
        patch.setenv("GIT_AUTHOR_NAME", "Pat")
        (folder / ".gitconfig").write_text("[user]\n\tname = Pat\n\temail = pat@example.org\n")
        session = Session.open(Repo.make(folder / "repo").path)
        yield session.workshop
        session.close()


@settings(max_examples=60)
@given(old=FILES, new=FILES)
def test_a_difference_is_what_differs_and_leads_from_one_to_the_other(
    workshop: Workshop, old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    before, after = entries(old), entries(new)
    one, other = made(workshop, old), made(workshop, new)
    found = workshop.trees.diff(one, other)
    assert {item.path: (item.before, item.after) for item in found} == {
        path: (before.get(path), after.get(path))
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    }
    assert [item.path.encode() for item in found] == sorted(item.path.encode() for item in found)
    patched, _ = workshop.trees.patch(one, {item.path: item.after for item in found})
    assert patched == other


@settings(max_examples=60)
@given(FILES)
def test_a_tree_answers_as_the_mapping_of_its_files(
    workshop: Workshop, files: dict[str, bytes]
) -> None:
    tree, wanted = workshop.files(made(workshop, files)), entries(files)
    asked_singly = {path: tree[path] for path in wanted if path in tree}
    assert asked_singly == wanted == dict(tree)
    assert "nothing/here" not in tree
    for folder in {path.rpartition("/")[0] for path in wanted}:
        below = {path for path in wanted if not folder or path.startswith(folder + "/")}
        assert set(tree.under(folder)) == below


@settings(max_examples=100)
@given(FILES, st.sets(PATHS, min_size=1, max_size=3))
def test_what_is_alike_finds_every_collision(
    workshop: Workshop, files: dict[str, bytes], new: set[str]
) -> None:
    """Looking only near the new paths says the same as looking at the whole tree."""
    wanted = entries(files)
    new = {path for path in new if path in wanted}
    tree = workshop.files(made(workshop, files))
    near = set(tree.alike(new, fold))
    assert near <= set(wanted)
    whole = [other for path in sorted(new) for other in wanted
             if other != path and collision([other, path])]  # fmt: skip
    assert bool(collision([*sorted(near - new), *sorted(new)])) == bool(whole)


def test_asking_for_one_path_reads_only_the_folders_on_its_way(workshop: Workshop) -> None:
    wide = {f"folder{number}/file": b"one" for number in range(50)}
    tree = made(workshop, wide)
    trees = Trees(workshop.objects, workshop.object_format)
    asked: list[str] = []
    read = workshop.objects.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workshop.objects, "read", lambda item: asked.append(item) or read(item))
        assert trees.find(tree, "folder7/file")
        assert len(asked) == 2
        other = made(workshop, {**wide, "folder9/file": b"two"})
        asked.clear()
        assert [item.path for item in trees.diff(tree, other)] == ["folder9/file"]
        # The old root is kept, and the one folder that differs is read on both sides... at most.
        assert len(asked) <= 3
