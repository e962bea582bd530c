"""What git ignores is left behind: named, neither read nor carried, and gone at the next base."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.repo import Repo

from clubos_tui.changes.manifest import BlobId, Entry, path_text
from clubos_tui.engine.session import Session
from clubos_tui.errors import HostilePath
from clubos_tui.repository import ignored
from clubos_tui.repository.ignored import IgnoreRules
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.workshop import Workshop
from clubos_tui.workspace.layout import Layout

RULES = b"node_modules/\n*.log\n.env\n/build\n!keep.log\n"


def tree_of(workshop: Workshop, files: dict[str, bytes]) -> str:
    """Write the tree of ``files``."""
    blobs = {BlobId(object_id("blob", data)): data for data in files.values()}
    puts = {path: Entry("100644", BlobId(object_id("blob", data))) for path, data in files.items()}
    return workshop.build(workshop.trees.empty, puts, blobs)


class Space:
    """A workspace in an agent's hands."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.top = session, folder
        self.rules = IgnoreRules(session.repository, session.paths.scratch)
        self.layout = self.open()

    def open(self) -> Layout:
        """Open it as another process would."""
        self.layout = Layout(str(self.top), self.session.workshop, hide=True, ignore=self.rules)
        return self.layout

    def begin(self, files: dict[str, bytes]) -> str:
        """Lay out a tree and let the agent in."""
        self.tree = tree_of(self.session.workshop, {".gitignore": RULES, **files})
        self.layout.bring(self.tree)
        self.layout.hand_over()
        return self.tree

    def write(self, path: str | bytes, data: bytes = b"x") -> Path:
        place = self.top / os.fsdecode(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return place

    def scan(self) -> dict[str, bool]:
        """Scan and build; return which paths are put and which are gone."""
        found = self.layout.scan()
        self.tree = self.session.workshop.build(self.tree, found.puts, found.blobs)
        self.layout.settle(self.tree)
        return {path: bool(put) for path, put in found.puts.items()}

    def next(self) -> None:
        """Begin the next action of the attempt."""
        self.layout.bring(self.tree, keep=True)
        self.layout.hand_over()

    def names(self) -> set[str]:
        return {path.relative_to(self.top).as_posix() for path in self.top.rglob("*")}


@pytest.fixture
def space(session: Session, tmp_path: Path) -> Iterator[Space]:
    made = Space(session, tmp_path / "space")
    yield made
    made.layout.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The git processes that were started."""
    out: list[list[str]] = []
    inner = subprocess.Popen.__init__

    def note(self: subprocess.Popen[bytes], args: list[str], *rest: object, **more: object) -> None:
        out.append(args)
        inner(self, args, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    return out


@pytest.fixture(params=["touched", "whole"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the kernel tells what was touched."""
    if request.param == "whole":
        monkeypatch.setattr("clubos_tui.workspace.touched.sys.platform", "other")
    return str(request.param)


# --- what is left behind ------------------------------------------------------------------------


def test_p12_what_git_ignores_is_named_and_not_carried(space: Space, way: str) -> None:
    space.begin({"src/a": b"1"})
    space.write("node_modules/deep/er/index.js")
    space.write("src/node_modules/x.js")
    space.write("src/new.ts")
    space.write("src/debug.log")
    space.write("keep.log")
    space.write("build")
    space.write("src/build")
    assert space.scan() == {"src/new.ts": True, "keep.log": True, "src/build": True}
    assert space.layout.left == ("build", "node_modules/", "src/debug.log", "src/node_modules/")
    assert space.layout.holds == space.tree


def test_p12_an_ignored_env_is_left_behind_by_name(space: Space, way: str) -> None:
    space.begin({".env.example": b"KEY=\n"})
    space.write(".env", b"KEY=secret\n")
    assert space.scan() == {}
    assert space.layout.left == (".env",)


def test_p12_an_env_that_is_not_ignored_is_refused(space: Space, way: str) -> None:
    space.begin({})
    space.write(".env.production", b"KEY=secret\n")
    with pytest.raises(HostilePath, match="secret by its name"):
        space.layout.scan()


@pytest.mark.parametrize("kind", ["file", "folder", "deep"])
def test_p12_a_tracked_secret_is_refused_though_it_is_ignored(
    space: Space, way: str, kind: str
) -> None:
    where = "conf/.env" if kind == "deep" else ".env"
    space.begin({where: b"KEY=secret\n"})
    if kind == "folder":
        space.write(".env/x.example")
    else:
        space.write(where, b"KEY=other\n")
    with pytest.raises(HostilePath, match="secret by its name") as caught:
        space.layout.scan()
    assert caught.value.path == where


def test_what_is_tracked_is_never_ignored(space: Space, way: str) -> None:
    """Nor what an action before this one put into the tree."""
    space.begin({"node_modules/kept/a.js": b"1", "old.log": b"1"})
    space.write("node_modules/kept/a.js", b"2")
    space.write("node_modules/kept/b.js")
    space.write("node_modules/other/c.js")
    space.write("old.log", b"2")
    space.write("plain.txt")
    assert space.scan() == {"node_modules/kept/a.js": True, "old.log": True, "plain.txt": True}
    assert space.layout.left == ("node_modules/kept/b.js", "node_modules/other/")
    space.next()
    space.write(".gitignore", RULES + b"plain.txt\n")
    space.write("plain.txt", b"2")
    assert space.scan() == {".gitignore": True, "plain.txt": True}


def test_rules_within_a_new_folder_hold_for_it(space: Space, way: str) -> None:
    """As a cache writes them for itself."""
    space.begin({})
    space.write(".cache/.gitignore", b"*\n")
    space.write(".cache/v/1")
    space.write("new/.gitignore", b"*.tmp\n!/keep.log\n")
    space.write("new/a.tmp")
    space.write("new/deep/b.tmp")
    space.write("new/deep/c")
    assert space.scan() == {"new/.gitignore": True, "new/deep/c": True}
    left = (".cache/.gitignore", ".cache/v/", "new/a.tmp", "new/deep/b.tmp")
    assert space.layout.left == left


@pytest.mark.parametrize("where", ["info", "global", "xdg", "local"])
def test_the_persons_own_rules_hold(
    space: Space, home: Path, repo: Repo, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {
        "info": repo.root / ".git/info/exclude", "global": home / "mine", "local": home / "ours",
        "xdg": home / ".config/git/ignore",
    }[where]  # fmt: skip
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_bytes(b"*.swp\n")
    if where == "global":
        repo.git("config", "--global", "core.excludesFile", "~/mine")
    elif where == "local":
        repo.git("config", "core.excludesFile", str(mine))
    space.begin({})
    space.write("a.swp")
    space.write("b")
    assert space.scan() == {"b": True}
    assert space.layout.left == ("a.swp",)


def test_other_rules_bring_back_what_was_left_behind(space: Space, way: str) -> None:
    space.begin({"a": b"1"})
    space.write("node_modules/x/y.js")
    assert space.scan() == {}
    space.next()
    space.write("node_modules/x/z.js")
    space.write(".gitignore", b"*.log\n")
    assert space.scan() == {
        ".gitignore": True, "node_modules/x/y.js": True, "node_modules/x/z.js": True,
    }  # fmt: skip
    assert space.layout.left == ()
    space.next()
    space.write("node_modules/x/y.js", b"2")
    assert space.scan() == {"node_modules/x/y.js": True}


def test_what_is_gone_is_not_named_any_more(space: Space, way: str) -> None:
    space.begin({"src/a": b"1"})
    for path in ("node_modules/x", "src/a.log", "b.log", "src/node_modules/y"):
        space.write(path)
    space.scan()
    space.next()
    (space.top / "b.log").unlink()
    (space.top / "node_modules/x").unlink()
    (space.top / "node_modules").rmdir()
    space.write("node_modules", b"a file is no folder\n")
    (space.top / "src/a.log").unlink()
    (space.top / "src/a.log").mkdir()
    (space.top / "src/node_modules").chmod(0o700)
    assert space.scan() == {"node_modules": True}
    assert space.layout.left == ("src/a.log/", "src/node_modules/")


def test_an_ignored_folder_in_the_place_of_a_tracked_file(space: Space, way: str) -> None:
    space.begin({"build": b"1"})
    (space.top / "build").unlink()
    space.write("build/x")
    assert space.scan() == {"build": False}
    assert space.layout.left == ("build/",)


# --- what it costs ------------------------------------------------------------------------------


def test_git_is_asked_once_and_only_about_what_is_new(
    space: Space, way: str, started: list[list[str]]
) -> None:
    space.begin({f"{n}/{n}": b"1" for n in range(20)})
    space.write("3/3", b"2")
    (space.top / "4/4").unlink()
    space.write("temporary").unlink()
    started.clear()
    space.scan()
    assert not started
    space.next()
    for number in range(20):
        space.write(f"{number}/new/{number}")
        space.write(f"{number}/{number}.log")
        space.write(f"new/{number}")
    space.scan()
    assert sum("check-ignore" in args for args in started) == 1
    assert len(started) <= 2, "and the person's settings, the first time"


def test_an_ignored_folder_is_not_walked(
    space: Space, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.begin({"a": b"1"})
    space.write("node_modules/x/y")
    seen: list[bytes] = []
    inner = os.scandir

    def note(place: bytes | int) -> object:
        if isinstance(place, bytes):  # as ours are
            seen.append(place)
        return inner(place)

    monkeypatch.setattr(os, "scandir", note)
    space.scan()
    space.next()
    space.write("node_modules/x/z")
    space.write("b")
    assert space.scan() == {"b": True}
    assert not [place for place in seen if b"node_modules" in place]


def test_nothing_is_left_of_the_asking(space: Space) -> None:
    space.begin({})
    space.write("a.log")
    space.scan()
    assert os.listdir(space.session.paths.scratch) == []


# --- how long it stays --------------------------------------------------------------------------


def test_it_stays_for_the_next_action_and_is_gone_at_the_next_base(space: Space, way: str) -> None:
    base = space.begin({"src/a": b"1"})
    for path in ("node_modules/x/y", "src/a.log", "new/b.log", "c"):
        space.write(path)
    space.scan()
    space.next()
    assert {"node_modules/x/y", "src/a.log", "new/b.log", "c"} <= space.names()
    space.write("d")
    assert space.scan() == {"d": True}
    assert space.layout.left == ("new/b.log", "node_modules/", "src/a.log")
    space.layout.bring(space.tree)
    assert space.names() == {".gitignore", "src", "src/a", "c", "d"}
    assert space.layout.left == ()
    space.layout.bring(base)
    assert space.names() == {".gitignore", "src", "src/a"}


@pytest.mark.parametrize("other", [True, False])
def test_another_process_knows_what_was_left_behind(space: Space, way: str, other: bool) -> None:
    space.begin({"src/a": b"1"})
    space.write("node_modules/x/y")
    space.write("src/a.log")
    space.scan()
    space.layout.close()
    space.open()
    assert space.layout.left == ("node_modules/", "src/a.log")
    if other:
        space.layout.bring(tree_of(space.session.workshop, {"node_modules": b"a file"}))
        assert space.names() == {"node_modules"}
    else:
        space.next()
        assert "node_modules/x/y" in space.names()
        space.write("node_modules/x/z")
        assert space.scan() == {}
        assert space.layout.left == ("node_modules/", "src/a.log")


@pytest.mark.parametrize("keep", [True, False])
def test_p3_after_a_crash_it_is_gone(space: Space, keep: bool) -> None:
    space.begin({"src/a": b"1"})
    space.write("node_modules/x/y")
    space.scan()
    space.next()
    space.write("src/half.log")  # and the process is killed
    space.layout.close()
    space.open()
    space.layout.bring(space.tree, keep=keep)
    assert space.names() == {".gitignore", "src", "src/a"}
    assert space.layout.left == ()


def test_what_is_written_late_into_it_is_no_doubt(space: Space) -> None:
    """A server of the agent's goes on with its log."""
    space.begin({"a": b"1"})
    log = space.write("server.log")
    space.write("node_modules/x")
    space.scan()
    log.write_bytes(b"more\n")
    space.write("node_modules/.cache/y")
    space.next()
    assert {"server.log", "node_modules/x"} <= space.names()
    assert space.scan() == {}


NAMES = ["a", "dir/a", "dir/b.log", "node_modules/x", "dir/node_modules/y/z", "c.log"]
FILES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([b"", b"1", b"22"]), max_size=5)


@settings(max_examples=25)
@given(steps=st.lists(st.tuples(FILES, FILES, st.booleans()), min_size=1, max_size=4))
def test_p1_whatever_was_left_behind_the_next_base_is_exact(
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[dict[str, bytes], dict[str, bytes], bool]],
) -> None:
    folder = tmp_path_factory.mktemp("left")
    session = Session.open(Repo.make(folder / "repo").path)
    space = Space(session, folder / "space")
    try:
        for base, wanted, killed in steps:
            space.begin(base)
            whole = {**base, ".gitignore": RULES}
            held = {name for name in space.names() if (space.top / name).is_file()}
            assert held == set(whole)
            for path, data in wanted.items():
                space.write(path, data)
            space.scan()
            ours = {path for path in wanted if path in base or path in {"a", "dir/a"}}
            assert set(session.workshop.files(space.tree)) == set(whole) | ours
            missing = set(wanted) - ours
            assert {path for path in missing if not covered(path, space.layout.left)} == set()
            if killed:
                space.layout.hand_over()
                space.write("dir/half.log")
                space.layout.close()
                space.open()
    finally:
        space.layout.close()
        session.close()


def covered(path: str, left: tuple[str, ...]) -> bool:
    return any(path == item or (item.endswith("/") and path.startswith(item)) for item in left)


# --- hostile ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [b"odd\xff\n\x1b[31m.log", b" .log", b":(top)x.log", b"-v.log", b"*.log", b'".log']
)
def test_p8_an_odd_name_is_left_behind_like_any_other(space: Space, way: str, name: bytes) -> None:
    space.begin({"dir/a": b"1"})
    space.write(b"dir/" + name)
    space.write(b"node_modules/" + name)
    space.write(b"new" + name + b"/file")
    assert space.scan() == {}
    assert set(space.layout.left) == {
        path_text(b"dir/" + name), "node_modules/", path_text(b"new" + name) + "/",
    }  # fmt: skip


def test_p8_an_odd_name_that_is_not_ignored_is_carried(space: Space, way: str) -> None:
    space.begin({})
    name = b"odd\xff\n\x1b[31m"
    space.write(name)
    assert space.scan() == {path_text(name): True}


@pytest.mark.parametrize("kind", ["link", "pipe", "huge", "folder", "sparse"])
def test_p8_a_file_of_rules_that_is_none_ignores_nothing(
    space: Space, way: str, kind: str, tmp_path: Path
) -> None:
    space.begin({"dir/a": b"1"})
    place = space.top / "dir/.gitignore"
    if kind == "link":
        (space.top / "dir/rules").write_bytes(b"*\n")
        place.symlink_to("rules")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        with place.open("wb") as file:
            file.write(b"*\n")
            file.truncate(100 << 20 if kind == "sparse" else ignored.MOST_RULES + 1)
    space.write("dir/b")
    began = time.monotonic()
    if kind in {"link", "pipe"}:
        with pytest.raises(HostilePath, match="link" if kind == "link" else "neither"):
            space.layout.scan()
    else:
        assert "dir/b" in space.scan()
        assert space.layout.left == ()
    assert time.monotonic() - began < 10


def test_p8_patterns_without_end_are_refused_in_time(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ignored, "SECONDS", 0.1)
    space.begin({})
    pattern = b"*a" * 40 + b"*b\n"
    space.write(".gitignore", pattern * (ignored.MOST_RULES // len(pattern)))
    for number in range(50):
        space.write(f"{number}{'a' * 240}")
    began = time.monotonic()
    with pytest.raises(HostilePath, match="come to an end") as caught:
        space.layout.scan()
    assert caught.value.path == ".gitignore"
    assert time.monotonic() - began < 5


def test_p8_a_git_folder_is_left_behind_in_an_ignored_folder_and_refused_elsewhere(
    space: Space, way: str
) -> None:
    base = space.begin({"a": b"1", "dir/.gitignore": b"*\n"})
    space.write("node_modules/pkg/.git/hooks/post-checkout")
    space.write("node_modules/pkg/.git/HEAD", b"ref: refs/heads/main\n")
    assert space.scan() == {}
    assert space.layout.left == ("node_modules/",)
    space.next()
    space.write("dir/.git/config", b"[core]\n\tfsmonitor = touch /tmp/pwned\n")
    with pytest.raises(HostilePath, match=r"\.git folder"):
        space.layout.scan()
    space.layout.bring(base)
    assert space.names() == {".gitignore", "a", "dir", "dir/.gitignore"}


@pytest.mark.parametrize("kind", ["pipe", "socket", "link"])
def test_p8_what_is_no_file_is_left_behind_where_it_is_ignored(
    space: Space, way: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = space.begin({"a": b"1"})
    monkeypatch.chdir(space.top)
    (tmp_path / "theirs").write_bytes(b"theirs")
    if kind == "pipe":
        os.mkfifo("x.log")
    elif kind == "link":
        Path("x.log").symlink_to(tmp_path)
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("x.log")
    assert space.scan() == {}
    assert space.layout.left == ("x.log",)
    space.layout.bring(base)
    assert space.names() == {".gitignore", "a"}
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_p8_what_lies_behind_a_link_is_not_taken_for_what_was_left(
    space: Space, tmp_path: Path
) -> None:
    """An agent swaps the folder above it for a link after the scan."""
    base = space.begin({"a": b"1"})
    theirs = tmp_path / "theirs"
    (theirs / "node_modules").mkdir(parents=True)
    (theirs / "node_modules/x").write_bytes(b"theirs")
    space.write("dir/node_modules/x")
    space.scan()
    space.layout.close()
    (space.top / "dir").rename(space.top / "elsewhere")
    (space.top / "dir").symlink_to(theirs)
    space.open().bring(base)
    assert (theirs / "node_modules/x").read_bytes() == b"theirs"


def test_p8_folders_without_end_are_refused_as_before(
    space: Space, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: subprocess.run(["rm", "-rf", str(space.top)], check=True))
    base = space.begin({"a": b"1"})
    monkeypatch.chdir(space.top)
    for _ in range(900):
        os.mkdir("dd")
        os.chdir("dd")
    Path("deep").write_bytes(b"x")
    Path(".gitignore").write_bytes(b"deep\n")
    os.chdir(space.top)
    with pytest.raises(HostilePath, match="deeper than"):
        space.layout.scan()
    space.layout.bring(base)
    assert space.names() == {".gitignore", "a"}


def test_p6_no_program_that_a_repository_names_is_run(
    space: Space, repo: Repo, home: Path, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    evil.chmod(0o755)
    for scope in ("--local", "--global"):
        repo.git("config", scope, "core.fsmonitor", str(evil))
        repo.git("config", scope, "core.hooksPath", str(tmp_path))
        repo.git("config", scope, "alias.check-ignore", f"!{evil}")
    space.begin({})
    space.write("a.log")
    assert space.scan() == {}
    assert not (tmp_path / "ran").exists()


def test_p1_the_persons_repository_is_as_it_was(space: Space, repo: Repo) -> None:
    before = held(repo.root)
    space.begin({})
    space.write("a.log")
    space.write("b")
    space.scan()
    assert held(repo.root) == before


def held(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def test_git_agrees_about_the_whole(space: Space, tmp_path: Path, way: str) -> None:
    """The same files in a real repository, by ``git status``."""
    files = {"src/a": b"1", "lib/node_modules/t.js": b"1", "x.log": b"1"}
    new = [
        "src/b", "src/b.log", "lib/node_modules/u.js", "node_modules/v/w", "build", "src/build/x",
        "keep.log", "deep/er/.gitignore", "deep/er/1", "deep/er/keep", "deep/2.log",
    ]  # fmt: skip
    space.begin(files)
    real = Repo.make(tmp_path / "real")
    for path, data in {".gitignore": RULES, **files}.items():
        real.write(path, data)
    real.git("add", "--all", "--force")
    real.git("commit", "--quiet", "-m", "all")
    for path in new:
        data = b"*\n!keep\n" if path.endswith(".gitignore") else b"x"
        space.write(path, data)
        real.write(path, data)
    status = real.git("status", "--porcelain", "-z", "--ignored=matching", "-uall").split("\0")
    said = {mark: {row[3:] for row in status if row.startswith(mark)} for mark in ("??", "!!")}
    assert set(space.scan()) == said["??"]
    assert set(space.layout.left) == said["!!"]
