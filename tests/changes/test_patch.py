"""Patches from real git repositories, read and written back; git's own listing is the oracle."""

import contextlib
import hashlib
import os
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clubos_tui.changes import patch as p

FILE, EXECUTABLE, LINK = "100644", "100755", "120000"
EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


class Repository:
    """A bare repository; trees are made from dictionaries, and only git reads them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs: dict[str, bytes] = {}
        self.git("init", "-q", "--bare", str(root))

    def git(self, *args: str, data: bytes = b"", config: tuple[str, ...] = ()) -> bytes:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_DIR": str(self.root),
            "GIT_INDEX_FILE": str(self.root / "index"),
        }
        options = [word for item in config for word in ("-c", item)]
        run = subprocess.run(
            ["git", *options, *args], input=data, env=env, capture_output=True, check=True
        )
        return run.stdout

    def blob(self, data: bytes) -> str:
        whole = b"blob %d\0" % len(data) + data
        name = hashlib.sha1(whole).hexdigest()
        self.blobs[name] = data
        path = self.root / "objects" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(whole))
        return name

    def tree(self, files: dict[bytes, tuple[str, bytes]]) -> str:
        (self.root / "index").unlink(missing_ok=True)
        listing = b"".join(
            b"%b %b\t%b\0" % (mode.encode(), self.blob(data).encode(), path)
            for path, (mode, data) in files.items()
        )
        self.git("update-index", "-z", "--index-info", data=listing)
        return self.git("write-tree").decode().strip()

    def diff(self, old, new, *options: str, config: tuple[str, ...] = ()) -> bytes:
        trees = [self.tree(side) if isinstance(side, dict) else side for side in (old, new)]
        form = options or ("-p", "--binary", "--full-index", "-M")
        return self.git("diff-tree", "-r", *form, *trees, config=config)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("git"))


def text(*lines: str) -> tuple[str, bytes]:
    return FILE, "".join(f"{line}\n" for line in lines).encode()


def check(repository: Repository, data: bytes) -> p.Patch:
    """What holds of every patch: it comes back as it was, and each row is the line it names."""
    patch = p.parse(data)
    assert p.format(patch) == data
    ids = [hunk.id for file in patch.files for hunk in file.hunks]
    assert len(ids) == len(set(ids))
    columns = (patch.kinds, patch.old_lines, patch.new_lines, patch.lines)
    assert len({len(column) for column in columns}) == 1
    for file in patch.files:
        old = repository.blobs.get(file.old_blob or "", b"").split(b"\n")
        new = repository.blobs.get(file.new_blob or "", b"").split(b"\n")
        for row in file.rows:
            if patch.old_lines[row]:
                assert old[patch.old_lines[row] - 1] == patch.text(row)
            if patch.new_lines[row]:
                assert new[patch.new_lines[row] - 1] == patch.text(row)
    return patch


def only(repository, old, new) -> tuple[p.Patch, p.FilePatch]:
    patch = check(repository, repository.diff(old, new))
    (file,) = patch.files
    return patch, file


def test_no_change_is_an_empty_patch():
    assert p.parse(b"").files == ()
    assert p.format(p.parse(b"")) == b""


def test_a_modification_has_hunks_with_line_numbers(repository):
    old = text("def f():", *map(str, range(30)))
    new = (FILE, old[1].replace(b"\n5\n", b"\nfive\n").replace(b"\n20\n", b"\n").rstrip(b"\n"))
    patch, file = only(repository, {b"a": old}, {b"a": new})
    assert (file.kind, file.added, file.removed) == ("modify", 2, 3)
    assert (file.old_mode, file.new_mode) == (FILE, FILE)
    assert [(h.old_start, h.old_count, h.new_start, h.new_count) for h in file.hunks] == [
        (4, 7, 4, 7),
        (19, 7, 19, 6),
        (28, 4, 27, 4),
    ]
    assert file.hunks[0].heading == b"def f():"
    kinds = [patch.kinds[row] for row in file.hunks[0].rows]
    assert kinds == [p.CONTEXT] * 3 + [p.REMOVED, p.ADDED] + [p.CONTEXT] * 3
    assert patch.kinds[-1] == p.NO_NEWLINE
    assert (patch.added, patch.removed) == (2, 3)


@pytest.mark.parametrize(
    ("old", "new", "kind", "old_mode", "new_mode"),
    [
        ({}, {b"x": text("a")}, "create", None, FILE),
        ({}, {b"x": (FILE, b"")}, "create", None, FILE),
        ({b"x": text("a")}, {}, "delete", FILE, None),
        ({b"x": (FILE, b"")}, {}, "delete", FILE, None),
        ({b"x": (FILE, b"\0a")}, {}, "delete", FILE, None),
        ({b"x": text("a")}, {b"x": (EXECUTABLE, b"a\n")}, "mode", FILE, EXECUTABLE),
        ({b"x": text("a")}, {b"x": (EXECUTABLE, b"b\n")}, "modify", FILE, EXECUTABLE),
        ({}, {b"x": (LINK, b"to")}, "symlink", None, LINK),
        ({b"x": (LINK, b"to")}, {b"x": (LINK, b"on")}, "symlink", LINK, LINK),
        ({}, {b"x": (FILE, b"\0a")}, "binary", None, FILE),
        ({b"x": (FILE, b"\0a")}, {b"x": (FILE, b"\0b")}, "binary", FILE, FILE),
    ],
)
def test_kinds_and_modes(repository, old, new, kind, old_mode, new_mode):
    _, file = only(repository, old, new)
    assert (file.kind, file.old_mode, file.new_mode) == (kind, old_mode, new_mode)
    assert file.path == b"x"


def test_renames_with_and_without_change(repository):
    body = text(*map(str, range(40)))
    changed = (FILE, body[1].replace(b"\n7\n", b"\nseven\n"))
    _, same = only(repository, {b"old name": body}, {b"n\xc3\xa4w\n": body})
    assert (same.kind, same.old_path, same.path) == ("rename", b"old name", b"n\xc3\xa4w\n")
    assert (same.similarity, same.hunks, same.old_blob) == (100, (), None)
    _, other = only(repository, {b"a": body}, {b"b c": changed})
    assert (other.kind, other.old_path, other.path) == ("rename", b"a", b"b c")
    assert (other.added, other.removed) == (1, 1)
    assert 80 < other.similarity < 100


def test_a_file_that_becomes_a_link_is_two_entries(repository):
    patch = check(repository, repository.diff({b"x": text("a")}, {b"x": (LINK, b"../etc")}))
    assert [(f.path, f.kind) for f in patch.files] == [(b"x", "delete"), (b"x", "symlink")]
    assert [patch.target(f) for f in patch.files] == [b"a", b"../etc"]


def test_binary_sizes_come_from_literals_and_deltas(repository):
    noise = os.urandom(3000)
    _, literal = only(repository, {b"x": (FILE, b"\0" * 70)}, {b"x": (FILE, os.urandom(9) + b"\0")})
    assert (literal.binary.old_size, literal.binary.new_size) == (70, 10)
    _, delta = only(repository, {b"x": (FILE, b"\0" + noise)}, {b"x": (FILE, b"\0" + noise + b"!")})
    assert b"delta " in b"\n".join(delta.binary.lines)
    assert (delta.binary.old_size, delta.binary.new_size) == (3001, 3002)
    short = repository.diff({}, {b"x": (FILE, b"\0a")}, "-p", "--full-index")
    assert check(repository, short).files[0].binary.new_size is None


def test_lines_that_look_like_headers_are_content(repository):
    lines = ["-- a/x", "++ b/x", "diff --git a/x b/x", "@@ -1 +1 @@", "\\ No newline", " x", ""]
    patch, file = only(repository, {b"x": text(*lines)}, {b"x": text("y", *lines[::-1])})
    assert len(patch.files) == 1
    removed = [patch.text(r).decode() for r in file.rows if patch.kinds[r] == p.REMOVED]
    assert set(removed) <= set(lines)
    patch, _ = only(repository, {b"x": text(*lines)}, {})
    assert [patch.text(r).decode() for r in range(len(lines))] == lines


def test_missing_line_ends_on_either_side(repository):
    for old, new in [(b"a", b"a\n"), (b"a\n", b"a"), (b"a", b"b"), (b"x\na", b"y\na"), (b"", b"a")]:
        patch, _ = only(repository, {b"f": (FILE, old)}, {b"f": (FILE, new)})
        assert p.NO_NEWLINE in patch.kinds


def test_git_settings_that_change_the_text_are_read_too(repository):
    old, new = text("a", "", "b", "c"), text("a", "", "b", "d")
    base, head = repository.tree({b"\xc3\xa4 \xff": old}), repository.tree({b"\xc3\xa4 \xff": new})
    for config in (("diff.suppressBlankEmpty=true",), ("core.quotePath=false",)):
        data = repository.diff(base, head, config=config)
        assert check(repository, data).files[0].path == b"\xc3\xa4 \xff"


def test_a_hunk_keeps_its_id_when_it_only_moves(repository):
    body = [str(n) for n in range(60)]
    old = text(*body)
    late = [*body[:40], "new", *body[40:]]
    first, _ = only(repository, {b"x": old}, {b"x": text(*late)})
    both, _ = only(repository, {b"x": old}, {b"x": text("top", *late)})
    assert first.files[0].hunks[0].id == both.files[0].hunks[1].id
    twice, file = only(repository, {b"x": text(*["a"] * 30)}, {b"x": text("n", *["a"] * 30, "n")})
    assert len({hunk.id for hunk in file.hunks}) == len(file.hunks) == 2
    assert twice.added == 2


GOOD = b"""diff --git a/x b/x
index 1111111..2222222 100644
--- a/x
+++ b/x
@@ -1,2 +1,2 @@
 a
-b
+c
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b"diff --git a/x b/x\n", b"", 1),
        (b"diff --git a/x b/x", b"diff --git x x", 1),
        (b"diff --git a/x b/x", b"diff --git a/x b/y", 1),
        (b"diff --git a/x b/x", b"diff --cc x", 1),
        (b"--- a/x", b"--- a/y", 3),
        (b"+++ b/x", b"+++ /dev/null", 4),
        (b"+++ b/x\n", b"", 4),
        (b"index 11", b"index zz", 3),
        (b"index 11", b"inbox 11", 2),
        (b"index", b"rename from a\nindex", 4),
        (b"index", b"new file mode 1\nindex", 4),
        (b"index", b"new file mode 100644\ndeleted file mode 100644\nindex", 5),
        (b"-1,2", b"-1,3", 9),
        (b"+1,2", b"+1,3", 9),
        (b"-1,2 +1,2", b"-1,1 +1,2", 8),
        (b"-1,2 +1,2", b"-1,2 +2,2", 5),
        (b"@@ -1,2", b"@@@ -1,2", 5),
        (b"+c\n", b"+c", 8),
        (b"+c\n", b"", 8),
        (b"+c\n", b"*c\n", 8),
        (b"+c\n", b"+c\n+d\n", 9),
        (b" a\n", b"\\ No newline at end of file\n a\n", 6),
        (b" a\n", b" a\n\\ No newline at end of file\n", 7),
        (b"+c\n", b"+c\n@@ -2 +2 @@\n-x\n+y\n", 9),
        (b"+c\n", b"+c\n@@ -9 +8 @@\n-x\n+y\n", 9),
    ],
)
def test_bad_input_is_an_error_with_its_line(old, new, line):
    p.parse(GOOD)
    with pytest.raises(p.PatchError) as caught:
        p.parse(GOOD.replace(old, new, 1))
    assert caught.value.line == line


NAMES = st.sampled_from(
    [b"a", b"a b", b"\xc3\xa4", b"\xff", b'q"\\', b"n\nl", b"t\tx", b"d/e", b"b/ b"]
)
LINES = st.sampled_from(
    [
        b"a",
        b"b",
        b"",
        b"c\r",
        b"-- a/a",
        b"++ b/a",
        b"diff --git a/a b/a",
        b"@@ -1 +1 @@",
        b"\\ x",
        b"\x1b[2J",
        b"\xff\xfe",
        b"long " * 40,
        b"}",
        b"def f():",
    ]
)
TEXTS = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(LINES, max_size=30),
    st.sampled_from([b"", b"\n"]),
)
CONTENT = st.one_of(
    TEXTS, TEXTS, st.binary(max_size=90), st.binary(max_size=40).map(lambda b: b + b"\0")
)
ENTRY = st.one_of(
    st.tuples(st.sampled_from([FILE, EXECUTABLE]), CONTENT),
    st.tuples(st.just(LINK), st.sampled_from([b"a", b"../x y", b"n\nl"])),
)
TREE = st.dictionaries(NAMES, ENTRY, max_size=5)
REAL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@REAL
@given(old=TREE, new=TREE, keep=st.booleans())
def test_every_patch_of_git_comes_back_and_agrees_with_its_listing(repository, old, new, keep):
    if keep:  # make unchanged and renamed files likely
        new = {**new, **{name + b".moved": entry for name, entry in list(old.items())[:2]}}
    base, head = repository.tree(old), repository.tree(new)
    patch = check(repository, repository.diff(base, head))

    raw = repository.diff(base, head, "--raw", "-z", "-M", "--no-abbrev").split(b"\0")[:-1]
    stat = repository.diff(base, head, "--numstat", "-z", "-M").split(b"\0")[:-1]
    files = list(patch.files)
    while raw:
        old_mode, new_mode, old_id, new_id, status = raw.pop(0)[1:].decode().split()
        path = raw.pop(0)
        target = raw.pop(0) if status[0] == "R" else path
        added, removed, _ = stat.pop(0).split(b"\t", 2)
        del stat[: 2 if status[0] == "R" else 0]
        group = [files.pop(0)] if status != "T" else [files.pop(0), files.pop(0)]
        assert {file.path for file in group} == {target}
        assert group[0].old_path == (path if status[0] == "R" else None)
        if added == b"-":  # binary, though git doesn't say so where the content stays
            assert any(file.binary or not file.new_blob for file in group)
        elif status != "T":  # of file to link numstat counts the difference, the patch both
            assert group[0].added == int(added)
            assert group[0].removed == int(removed)
        if status != "R100":
            blank = "0" * 40
            assert (group[0].old_blob or blank) == old_id or group[0].kind == "mode"
            assert (group[-1].new_blob or blank) == new_id or group[0].kind == "mode"
            assert (group[0].old_mode or "000000", group[-1].new_mode or "000000") == (
                old_mode,
                new_mode,
            )
    assert files == []


@REAL
@given(data=st.data())
def test_a_damaged_patch_is_an_error_or_still_whole(repository, data):
    """Whatever is accepted comes back byte for byte, so nothing is ever dropped."""
    whole = bytearray(repository.diff(data.draw(TREE), data.draw(TREE)) or GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([b"", b"\n", b" ", b"+", b"-", b"1", b"@@", b"\0", b"\\"])
        )
    with contextlib.suppress(p.PatchError):
        assert p.format(p.parse(bytes(whole))) == whole
