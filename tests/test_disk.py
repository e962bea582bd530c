"""Files reached without following a link, and moved without losing what was there."""

import errno
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui import disk
from clubos_tui.changes.manifest import EXECUTABLE, FILE, SYMLINK
from clubos_tui.disk import Found, NotAFile, exchange, make_file, move_new, parent_of, read_path


@pytest.fixture
def root(tmp_path):
    """Return a folder with a file in it, beside a folder that a link could lead to."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"not yours")
    folder = tmp_path / "root"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "f").write_bytes(b"file")
    return folder


@pytest.fixture(params=["renameat2", "without"])
def folder(tmp_path, request, monkeypatch):
    """Return an open folder, once with the system's call and once without."""
    if request.param == "without":
        monkeypatch.setattr(disk, "_rename", lambda *_: False)
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_what_lies_there_is_read(root):
    os.chmod(root / "a" / "f", 0o640)
    assert read_path(str(root), "a/f") == Found(FILE, b"file", 0o640)
    os.chmod(root / "a" / "f", 0o750)
    assert read_path(str(root), "a/f") == Found(EXECUTABLE, b"file", 0o750)
    os.symlink("../../outside/secret", root / "link")
    assert read_path(str(root), "link") == Found(SYMLINK, b"../../outside/secret", 0o777)
    assert read_path(str(root), "none") is None
    assert read_path(str(root), "none/at/all") is None


def test_p8_a_linked_folder_is_an_error_and_not_a_way_out(root):
    os.symlink("../outside", root / "linked")
    for path in ("linked/secret", "linked/new", "a/f/below"):
        with pytest.raises(NotADirectoryError, match="a file or a symbolic link"):
            read_path(str(root), path)
        with pytest.raises(NotADirectoryError), parent_of(str(root), path, make=[]):
            pass
    assert os.listdir(root.parent / "outside") == ["secret"]


def test_p8_a_link_in_the_middle_of_a_path_is_an_error(root):
    os.symlink("..", root / "a" / "up")
    with pytest.raises(NotADirectoryError):
        read_path(str(root), "a/up/a/f")


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_file_is_not_read(root, kind):
    """Opening a pipe would wait for ever."""
    if kind == "fifo":
        os.mkfifo(root / "odd")
    else:
        (root / "odd").mkdir()
    with pytest.raises(NotAFile):
        read_path(str(root), "odd")


def test_missing_folders_are_made_and_named(root):
    made: list[str] = []
    with parent_of(str(root), "a/b/c/new", make=made) as (fd, name):
        make_file(fd, name, Found(FILE, b"x", 0o644))
    assert made == ["a/b", "a/b/c"]
    assert (root / "a/b/c/new").read_bytes() == b"x"
    with pytest.raises(FileNotFoundError), parent_of(str(root), "no/such"):
        pass


def test_no_descriptor_is_left_open(root):
    before = len(os.listdir("/proc/self/fd"))
    for path in ("a/f", "a/none", "no/such", "a/f/below"):
        try:
            with parent_of(str(root), path):
                pass
        except OSError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_new_file_gets_its_bytes_and_mode_whatever_the_umask(root):
    before = os.umask(0o077)
    try:
        with parent_of(str(root), "a/x") as (fd, name):
            make_file(fd, name, Found(EXECUTABLE, b"\0\r\n", 0o755))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(root / "a/x").st_mode) == 0o755
    assert (root / "a/x").read_bytes() == b"\0\r\n"


@pytest.mark.parametrize("there", ["file", "link", "dangling"])
@pytest.mark.parametrize("mode", [FILE, SYMLINK])
def test_p4_a_new_file_takes_nobodys_place(root, there, mode):
    target = root / "a" / "g"
    if there == "file":
        target.write_bytes(b"theirs")
    else:
        os.symlink("f" if there == "link" else "nowhere", target)
    with pytest.raises(FileExistsError), parent_of(str(root), "a/g") as (fd, name):
        make_file(fd, name, Found(mode, b"ours"))
    assert (root / "a" / "f").read_bytes() == b"file"
    assert not (root / "a" / "nowhere").exists()


def test_p4_a_move_takes_nobodys_place(folder, tmp_path):
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        move_new(folder, b"new", folder, b"old")
    assert (tmp_path / "old").read_bytes() == b"old"
    move_new(folder, b"new", folder, b"free")
    assert sorted(os.listdir(tmp_path)) == ["free", "old"]


def test_p4_a_link_moves_as_a_link(folder, tmp_path):
    os.symlink("nowhere", tmp_path / "link")
    move_new(folder, b"link", folder, b"moved")
    assert os.readlink(tmp_path / "moved") == "nowhere"
    assert not os.path.lexists(tmp_path / "link")


def test_p4_an_exchange_loses_neither(folder, tmp_path):
    (tmp_path / "ours").write_bytes(b"ours")
    (tmp_path / "theirs").write_bytes(b"theirs")
    exchange(folder, b"ours", folder, b"theirs")
    assert (tmp_path / "ours").read_bytes() == b"theirs"
    assert (tmp_path / "theirs").read_bytes() == b"ours"
    assert sorted(os.listdir(tmp_path)) == ["ours", "theirs"]


def test_an_exchange_with_nothing_is_an_error(folder, tmp_path):
    (tmp_path / "ours").write_bytes(b"ours")
    with pytest.raises(FileNotFoundError):
        exchange(folder, b"ours", folder, b"none")
    assert os.listdir(tmp_path) == ["ours"]


def test_a_system_without_the_call_is_told_from_one_that_refuses(tmp_path, monkeypatch):
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        for code in (errno.EINVAL, errno.ENOSYS):
            monkeypatch.setattr(disk.ctypes, "get_errno", lambda code=code: code)
            assert disk._rename(fd, b"none", fd, b"x", disk._NOREPLACE) is False
        monkeypatch.setattr(disk.ctypes, "get_errno", lambda: errno.EACCES)
        with pytest.raises(PermissionError):
            disk._rename(fd, b"none", fd, b"x", disk._NOREPLACE)
    finally:
        os.close(fd)


@given(
    st.sampled_from([FILE, EXECUTABLE]),
    st.integers(0, 0o777),
    st.integers(0, 0o777),
    st.sampled_from([FILE, EXECUTABLE, SYMLINK, None]),
)
def test_git_knows_the_execute_bit_and_the_rest_is_kept(mode, bits, umask, before):
    """Who may read a file may run it where git says so; all other bits stay the person's."""
    found = Found(before, b"", bits) if before else None
    now = disk.permissions_for(mode, found, umask)
    kept = bits if found and before != SYMLINK else 0o666 & ~umask
    assert now & 0o666 == kept & 0o666
    if mode == FILE:
        assert now & 0o111 == 0
    else:
        assert now & 0o111 == kept & 0o111 | (kept & 0o444) >> 2


def test_short_writes_are_finished(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:2])))
    with open(tmp_path / "f", "wb") as file:
        disk.write_all(file.fileno(), b"abcdefg")
    assert (tmp_path / "f").read_bytes() == b"abcdefg"


def test_folders_and_file_systems_can_be_flushed(tmp_path):
    disk.sync_folder(str(tmp_path))
    disk.sync_file_system(str(tmp_path))
    for flush in (disk.sync_folder, disk.sync_file_system):
        with pytest.raises(FileNotFoundError):
            flush(str(tmp_path / "none"))


def test_p3_what_cannot_be_told_is_no_no(monkeypatch, tmp_path):
    """A record that can't be looked at is not one that is missing."""
    assert disk.exists(str(tmp_path))
    assert disk.is_folder(str(tmp_path))
    assert not disk.exists(tmp_path / "no" / "where")
    (tmp_path / "link").symlink_to(tmp_path)
    assert not disk.is_folder(str(tmp_path / "link"))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "lstat", refused)
    for ask in (disk.exists, disk.is_folder):
        with pytest.raises(PermissionError):
            ask("anything")
