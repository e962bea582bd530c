"""What a work tree holds that is not the blob: conversions, modes, links, odd names, hard links."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.circle import Circle
from support.journey import Journey
from support.repo import Repo

Start = Callable[..., Journey]
Go = Callable[..., Circle]


@pytest.fixture
def circle(repo: Repo, journey: Start, state: Path) -> Go:
    """Return the way of a change through ``repo``."""

    def make(*touched: str, after: Callable[[], None] = lambda: None) -> Circle:
        return Circle(repo, journey, state, touched, after)

    return make


def converted(repo: Repo, attributes: str = "", **settings: str) -> None:
    """Set attributes and settings, and write every file anew in the form they ask for."""
    for key, value in settings.items():
        repo.git("config", f"core.{key}", value)
    if attributes:
        repo.write(".gitattributes", attributes)
        repo.git("add", "--all", "--renormalize")
        repo.git("add", "--all")
        repo.git("commit", "--quiet", "-m", "attributes")
    repo.git("rm", "-r", "--cached", "--quiet", ".")
    repo.git("reset", "--hard", "--quiet")
    assert repo.git("status", "--porcelain") == ""


CHANGE = agents.all_of(
    agents.write("src/app.txt", "one\n2\nthree\n"),
    agents.write("fresh/a.txt", "a\nb\n"),
    agents.write("fresh/b.bin", b"a\n\0b\n"),
    agents.delete("src/old.txt"),
)
TOUCHED = ("src/app.txt", "fresh", "fresh/a.txt", "fresh/b.bin", "src/old.txt")


@pytest.mark.parametrize(
    ("attributes", "settings", "shown"),
    [
        ("", {"autocrlf": "true"}, b"one\r\n2\r\nthree\r\n"),
        ("", {"autocrlf": "input"}, b"one\n2\nthree\n"),
        ("*.txt text eol=crlf\n", {}, b"one\r\n2\r\nthree\r\n"),
        ("*.txt eol=lf\n", {"autocrlf": "true"}, b"one\n2\nthree\n"),
        ("* text=auto\n", {"eol": "crlf"}, b"one\r\n2\r\nthree\r\n"),
        ("* text=auto\n", {"eol": "lf"}, b"one\n2\nthree\n"),
        ("*.txt -text\n", {"autocrlf": "true"}, b"one\n2\nthree\n"),
        ("*.txt crlf\n", {"eol": "crlf"}, b"one\r\n2\r\nthree\r\n"),
        ("*.txt text working-tree-encoding=UTF-16LE\n", {}, "one\n2\nthree\n".encode("utf-16-le")),
    ],
)
def test_p2_line_ends_and_encodings_are_those_git_would_write(
    repo: Repo, circle: Go, attributes: str, settings: dict[str, str], shown: bytes
) -> None:
    """The tree holds the approved bytes; the work tree the form that git's settings ask for."""
    converted(repo, attributes, **settings)

    def look() -> None:
        assert repo.read("src/app.txt") == shown
        assert repo.read("fresh/b.bin") == b"a\n\0b\n"
        assert repo.git("cat-file", "blob", "HEAD:src/app.txt") == "one\n2\nthree"

    circle(*TOUCHED, after=look).run(CHANGE)


def test_p2_ident_is_expanded_in_the_work_tree_only(repo: Repo, circle: Go) -> None:
    """``$Id$`` carries the blob's id on disk and nothing in the tree."""
    repo.write("src/app.txt", "one\n$Id$\n")
    repo.commit("id")
    converted(repo, "*.txt ident\n")
    assert b"$Id: " in repo.read("src/app.txt")

    def look() -> None:
        blob = repo.git("rev-parse", "HEAD:src/app.txt")
        assert repo.read("src/app.txt") == f"two\n$Id: {blob} $\n".encode()

    circle("src/app.txt", after=look).run(agents.write("src/app.txt", "two\n$Id$\n"))


def test_p4_a_file_in_another_form_that_git_takes_for_the_same_is_no_edit(
    repo: Repo, circle: Go
) -> None:
    """``autocrlf`` was set after the clone: unconverted files are not edits, and come back so."""
    repo.git("config", "core.autocrlf", "true")
    repo.write("src/old.txt", b"old\r\n")
    repo.git("add", "src/old.txt")  # until then git goes by the size
    assert repo.git("status", "--porcelain") == ""
    circle(*TOUCHED).run(CHANGE)


@pytest.mark.parametrize("edit", [b"one\r\ntwo\r\nthree!\r\n", b"one\r\ntwo\r\n", b"\xff"])
def test_p4_an_edit_of_a_converted_file_is_an_edit(repo: Repo, circle: Go, edit: bytes) -> None:
    """What git would call modified stays the person's."""
    converted(repo, autocrlf="true")
    repo.write("src/app.txt", edit)
    circle(*TOUCHED).refused(CHANGE, "src/app.txt")


def test_p4_a_later_edit_of_a_converted_file_is_left_by_the_rollback(
    repo: Repo, journey: Start
) -> None:
    """Only the edited one stays; the others come back in their form."""
    converted(repo, autocrlf="true")
    run = journey(CHANGE).live().merge()
    repo.write("src/app.txt", b"one\r\n2\r\nmine\r\n")
    run.roll_back(1)
    rollback = run.view.rollback
    assert rollback
    assert [item.path for item in rollback.left] == ["src/app.txt"]
    assert repo.read("src/app.txt") == b"one\r\n2\r\nmine\r\n"
    assert repo.read("src/old.txt") == b"old\r\n"
    run.undo()
    assert not (repo.root / "src/old.txt").exists()
    assert repo.read("fresh/a.txt") == b"a\r\nb\r\n"
    assert repo.git("status", "--porcelain") == " M src/app.txt"
    repo.fsck()


def test_p2_a_change_of_the_attributes_themselves(repo: Repo, circle: Go) -> None:
    """What the change writes follows the attributes that the change brings."""

    def look() -> None:
        assert repo.read("src/app.txt") == b"1\r\n"
        assert repo.read("README.md") == b"# Club\n"

    change = agents.all_of(
        agents.write(".gitattributes", "*.txt text eol=crlf\n"), agents.write("src/app.txt", "1\n")
    )
    circle(".gitattributes", "src/app.txt", after=look).run(change)


def test_p2_blobs_that_are_one_file_on_disk(repo: Repo, circle: Go) -> None:
    """Old and new blob differ in line ends alone, and git writes both as the same bytes."""
    converted(repo, autocrlf="true")
    circle("src/app.txt").run(agents.write("src/app.txt", b"one\r\ntwo\r\nthree\r\n"))


def test_p2_attributes_from_everywhere(repo: Repo, home: Path, journey: Start) -> None:
    """The person's own attributes, the repository's, and those of a folder, in git's order."""
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/attributes").write_text("*.txt text eol=crlf\n")
    repo.write("deep/.gitattributes", "*.txt eol=lf\n")
    repo.commit("attributes")
    (repo.root / ".git/info").mkdir(exist_ok=True)
    (repo.root / ".git/info/attributes").write_text("src/app.txt -text\n")
    repo.git("rm", "-r", "--cached", "--quiet", ".")
    repo.git("reset", "--hard", "--quiet")
    paths = ("src/app.txt", "src/old.txt", "deep/er/only.txt", " lead.txt", "new\nline.txt")
    journey(agents.all_of(*(agents.write(path, "n\n") for path in paths))).live().merge()
    assert [repo.read(path) for path in paths] == [b"n\n", b"n\r\n", b"n\n", b"n\r\n", b"n\r\n"]
    assert repo.git("status", "--porcelain") == ""


# --- modes and links -----------------------------------------------------------------------------


def test_p2_without_execute_bits_modes_come_from_the_tree(repo: Repo, circle: Go) -> None:
    """``core.fileMode=false``: bits on disk are no edit, and a new mode reaches index and tree."""
    repo.git("config", "core.fileMode", "false")
    (repo.root / "src/app.txt").chmod(0o755)
    (repo.root / "bin/run.sh").chmod(0o644)
    assert repo.git("status", "--porcelain") == ""

    def look() -> None:
        assert repo.git("ls-files", "-s", "bin/run.sh", "src/old.txt").count("100755") == 2
        assert repo.read("bin/run.sh") == b"#!/bin/sh\nset -e\n"

    change = agents.all_of(
        agents.write("src/app.txt", "new\n"),
        agents.write("bin/run.sh", "#!/bin/sh\nset -e\n"),
        agents.chmod("src/old.txt", 0o755),
    )
    circle("src/app.txt", "bin/run.sh", "src/old.txt", after=look).run(change)


def test_p2_without_links_a_link_is_a_file_that_names_its_target(repo: Repo, circle: Go) -> None:
    """``core.symlinks=false``: replaced, made and removed, always as a plain file."""
    (repo.root / "link").symlink_to("README.md")
    (repo.root / "gone").symlink_to("README.md")
    repo.commit("links")
    repo.git("config", "core.symlinks", "false")
    for name in ("link", "gone"):
        (repo.root / name).unlink()
    repo.git("checkout", "--", "link", "gone")
    assert not (repo.root / "link").is_symlink()

    def look() -> None:
        assert not (repo.root / "link").is_symlink()
        assert repo.read("link") == b"src/app.txt"
        assert repo.read("more") == b"README.md"
        assert not (repo.root / "gone").exists()
        assert repo.git("ls-files", "-s", "link", "more").count("120000") == 2

    change = agents.all_of(
        agents.link("link", "src/app.txt"), agents.link("more", "README.md"), agents.delete("gone")
    )
    circle("link", "more", "gone", after=look).run(change)


def test_p4_a_hard_link_elsewhere_keeps_its_bytes(repo: Repo, circle: Go, tmp_path: Path) -> None:
    """A file is replaced and never written into: its other name goes on holding the old bytes."""
    os.link(repo.root / "src/app.txt", tmp_path / "other name")

    def look() -> None:
        assert (tmp_path / "other name").read_bytes() == b"one\ntwo\nthree\n"

    circle(*TOUCHED, after=look).run(CHANGE)


def test_permission_bits_of_a_replaced_file_stay(repo: Repo, circle: Go) -> None:
    """git knows only the execute bit; a file that was private stays private, both ways."""
    (repo.root / "src/app.txt").chmod(0o600)

    def look() -> None:
        assert (repo.root / "src/app.txt").stat().st_mode & 0o777 == 0o600

    circle(*TOUCHED, after=look).run(CHANGE)


def test_extended_attributes_of_a_replaced_file_stay(repo: Repo, circle: Go) -> None:
    """Access lists and labels go with the path, both ways."""
    place = repo.root / "src/app.txt"
    try:
        os.setxattr(place, "user.note", b"mine")
    except (AttributeError, OSError):
        pytest.skip("no extended attributes here")

    def look() -> None:
        assert os.getxattr(place, "user.note") == b"mine"

    circle(*TOUCHED, after=look).run(CHANGE)
    assert os.getxattr(place, "user.note") == b"mine"


def test_p4_an_edit_with_the_same_size_and_time_is_seen(repo: Repo, circle: Go) -> None:
    """git's own status calls the file clean; its bytes say otherwise."""
    place = repo.root / "src/app.txt"
    times = os.stat(place)
    repo.write("src/app.txt", "ONE\ntwo\nthree\n")
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    circle(*TOUCHED).refused(CHANGE, "src/app.txt")


def test_p4_an_ignored_file_in_the_way_is_precious(repo: Repo, circle: Go) -> None:
    """git would overwrite it without a word. In the workspace the agent has changed the rules."""
    repo.write("build/out.txt", "mine\n")
    change = agents.all_of(
        agents.write(".gitignore", "*.log\n"), agents.write("build/out.txt", "theirs\n")
    )
    circle("build/out.txt").refused(change, "build/out.txt")


# --- names ---------------------------------------------------------------------------------------

NAMES = (
    b"caf\xe9.txt", "caf\u00e9.md".encode(), "cafe\u0301.md2".encode(), b"new\nline", b"-rf",
    b":(top)x", b"tab\there", b'quote"d', b"star*",
)  # fmt: skip


@pytest.mark.parametrize("setting", ["", "ignoreCase", "precomposeUnicode"])
def test_p2_names_are_bytes(repo: Repo, circle: Go, setting: str) -> None:
    """Names in any encoding are replaced, made and removed under those very bytes."""
    if setting:
        repo.git("config", f"core.{setting}", "true")
    for name in NAMES[::2]:
        repo.write(name, "old\n")
    repo.commit("odd names")
    change = agents.all_of(
        *(agents.write(name, "new\n") for name in NAMES[:-1]), agents.delete(NAMES[-1])
    )
    circle(*(os.fsdecode(name) for name in NAMES)).run(change)


def test_p2_names_that_collide_elsewhere_stay_apart_here(repo: Repo, circle: Go) -> None:
    """A base that holds ``README``/``readme`` and both forms of an accent can be worked on."""
    pairs = ["Same.txt", "same.txt", "caf\u00e9", "cafe\u0301"]
    for name in pairs:
        repo.write(name, f"{name}\n")
    repo.commit("pairs")
    circle(*pairs).run(agents.all_of(*(agents.write(name, "new\n") for name in pairs)))


@pytest.mark.parametrize("name", ["readme.MD", "src/APP.txt", "SRC/app.txt"])
def test_a_new_name_that_collides_elsewhere_is_refused_by_name(
    repo: Repo, journey: Start, name: str
) -> None:
    """On another's disk it would overwrite a file; nothing is proposed."""
    before = manifest.manifest(repo.root)
    run = journey(agents.write(name, "x\n"))
    run.run.propose(1, by="Pat")
    run.go()
    assert run.phase().state.value == "failed"
    assert name in run.phase().error
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


@pytest.mark.parametrize("name", [b"back\\slash", b"aux.txt", b"dot.", b"a:b"])
def test_names_that_windows_takes_otherwise_can_be_removed(
    repo: Repo, circle: Go, name: bytes
) -> None:
    """A base that holds such a name can be cleaned of it, and the rollback brings it back."""
    repo.write(name, "x\n")
    repo.commit("odd")
    circle(os.fsdecode(name), "good.txt").run(agents.rename(name, "good.txt"))


def test_p2_a_path_almost_as_long_as_the_system_allows(repo: Repo, circle: Go) -> None:
    """Folders within folders, and a name of 255 bytes."""
    room = 3900 - len(repo.path)
    parts = ["d" * 200] * (room // 201 - 1) + ["f" * 255]
    path = "/".join(parts)
    folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    circle(path, *folders).run(agents.write(path, "deep\n"))
