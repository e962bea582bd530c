"""The workspace: what goes into it, and how what came of it is found by its bytes."""

import os
import socket
import stat

import pytest

from clubos_tui.changes.manifest import EXECUTABLE, FILE, GITLINK, SYMLINK, Entry, path_text
from clubos_tui.errors import HostilePath
from clubos_tui.repository.discover import discover
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.workshop import Workshop
from clubos_tui.workspace.export import export, remove
from clubos_tui.workspace.scan import scan
from clubos_tui.workspace.secrets import is_secret, withheld

ODD = b"odd\xff\n\x1b[31mname"


@pytest.fixture
def base(repo, tmp_path):
    """A repository with every kind of entry, its workshop, and the files of its commit."""
    repo.write(".env", "KEY=value\n")
    repo.write(".env.example", "KEY=\n")
    repo.write("crlf.txt", b"a\r\nb\0\xef\xbb\xbf")
    repo.write("empty", b"")
    repo.write("ignored.log", "never tracked\n")
    (repo.root / os.fsdecode(ODD)).write_bytes(b"odd")
    (repo.root / "link").symlink_to("src/app.txt")
    (repo.root / "folder-link").symlink_to("src")
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/sub")
    repo.git("commit", "--quiet", "-m", "all kinds")
    workshop = Workshop(str(tmp_path / "workshop.git"), discover(repo.path))
    tree = repo.git("rev-parse", "HEAD^{tree}")
    yield workshop, dict(workshop.files(tree))
    workshop.close()


@pytest.fixture
def laid_out(base, tmp_path):
    """The workspace of a run: its folder, and the tree it holds."""
    workshop, files = base
    folder = tmp_path / "workspace"
    hidden = withheld(files)
    export(workshop, {p: e for p, e in files.items() if p not in hidden}, str(folder))
    return folder, files, hidden


def look(laid_out):
    folder, files, hidden = laid_out
    return scan(str(folder), files, object_format="sha1", withheld=hidden)


def everything(folder):
    found = set()
    for top, folders, names in os.walk(os.fsencode(folder)):
        found |= {path_text(os.path.relpath(os.path.join(top, name), os.fsencode(folder)))
                  for name in folders + names}  # fmt: skip
    return found


# --- export -------------------------------------------------------------------------------------


def test_p12_the_workspace_has_no_git_no_secret_and_nothing_ignored(laid_out):
    folder, files, hidden = laid_out
    assert hidden == (".env",)
    files_and_folders = everything(folder)
    assert not {".git", ".env", "ignored.log"} & files_and_folders
    assert ".env.example" in files_and_folders
    assert set(files) - {".env"} <= files_and_folders


def test_p2_bytes_modes_and_links_are_laid_out_as_the_tree_has_them(laid_out):
    folder, _, _ = laid_out
    assert (folder / "crlf.txt").read_bytes() == b"a\r\nb\0\xef\xbb\xbf"
    assert (folder / "empty").read_bytes() == b""
    assert (folder / os.fsdecode(ODD)).read_bytes() == b"odd"
    assert os.readlink(folder / "link") == "src/app.txt"
    assert os.readlink(folder / "folder-link") == "src"
    assert stat.S_IMODE(os.stat(folder / "bin/run.sh").st_mode) == 0o755
    assert stat.S_IMODE(os.stat(folder / "crlf.txt").st_mode) == 0o644
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_a_submodule_is_an_empty_folder(laid_out):
    folder, files, _ = laid_out
    assert files["vendor/sub"].mode == GITLINK
    assert os.listdir(folder / "vendor/sub") == []


def test_p8_an_export_never_writes_through_a_link(base, tmp_path):
    workshop, files = base
    (tmp_path / "outside").mkdir()
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "src").symlink_to(tmp_path / "outside")
    with pytest.raises(NotADirectoryError):
        export(workshop, {"src/app.txt": files["src/app.txt"]}, str(folder))
    assert os.listdir(tmp_path / "outside") == []


def test_an_export_takes_nobodys_place(base, tmp_path):
    workshop, files = base
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "empty").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        export(workshop, files, str(tmp_path / "workspace"))
    assert (tmp_path / "workspace" / "empty").read_bytes() == b"theirs"


def test_progress_ends_with_all_of_it(base, tmp_path):
    workshop, files = base
    seen: list[tuple[int, int]] = []
    export(workshop, files, str(tmp_path / "w"), progress=lambda *now: seen.append(now))
    assert seen == [(len(files), len(files))]


def test_a_workspace_is_removed_whatever_an_agent_made_of_it(laid_out, tmp_path):
    folder, _, _ = laid_out
    (folder / "out").symlink_to(tmp_path)
    (folder / "src").chmod(0)
    remove(str(folder))
    assert not folder.exists()
    remove(str(folder))
    (tmp_path / "link").symlink_to(tmp_path / "repo")
    remove(str(tmp_path / "link"))
    assert (tmp_path / "repo" / "README.md").exists(), "a link goes, not what it leads to"


# --- scan ---------------------------------------------------------------------------------------


def test_an_untouched_workspace_holds_no_change(laid_out):
    """Also with a withheld secret, a submodule, and new empty folders."""
    (laid_out[0] / "new" / "empty").mkdir(parents=True)
    found = look(laid_out)
    assert (found.puts, found.blobs) == ({}, {})


def test_p2_a_change_is_found_by_its_bytes_and_not_by_its_time(laid_out):
    path = laid_out[0] / "src/app.txt"
    before = os.stat(path)
    path.write_bytes(b"ONE\ntwo\nthree\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(path).st_size == before.st_size
    assert set(look(laid_out).puts) == {"src/app.txt"}


def test_a_touched_file_is_no_change(laid_out):
    os.utime(laid_out[0] / "src/app.txt", (1, 1))
    assert look(laid_out).puts == {}


def test_every_kind_of_change_is_found(laid_out):
    folder, files, _ = laid_out
    (folder / "new/deep").mkdir(parents=True)
    (folder / "new/deep/file").write_bytes(b"\0binary")
    (folder / "src/old.txt").unlink()
    (folder / "crlf.txt").chmod(0o755)
    (folder / "bin/run.sh").chmod(0o640)
    (folder / "link").unlink()
    (folder / "link").symlink_to("README.md")
    (folder / "empty").unlink()
    (folder / "empty").symlink_to("README.md")
    (folder / os.fsdecode(ODD)).write_bytes(b"changed")
    found = look(laid_out)
    entry = found.puts["new/deep/file"]
    assert entry
    assert entry.mode == FILE
    assert found.blobs[entry.blob] == b"\0binary"
    assert found.puts["src/old.txt"] is None
    assert found.puts["crlf.txt"] == Entry(EXECUTABLE, files["crlf.txt"].blob)
    assert found.puts["bin/run.sh"] == Entry(FILE, files["bin/run.sh"].blob)
    for path in ("link", "empty"):
        assert found.puts[path].mode == SYMLINK
        assert found.blobs[found.puts[path].blob] == b"README.md"
    assert found.blobs[found.puts[path_text(ODD)].blob] == b"changed"
    assert len(found.puts) == 7


def test_a_folder_in_the_place_of_a_file_and_the_other_way_round(laid_out):
    folder, _, _ = laid_out
    (folder / "empty").unlink()
    (folder / "empty").mkdir()
    (folder / "empty/x").write_bytes(b"x")
    for name in ("er/only.txt", "er"):
        path = folder / "deep" / name
        path.unlink() if path.is_file() else path.rmdir()
    (folder / "deep").rmdir()
    (folder / "deep").write_bytes(b"file now")
    puts = look(laid_out).puts
    assert {path: bool(entry) for path, entry in puts.items()} == {
        "empty": False, "empty/x": True, "deep": True, "deep/er/only.txt": False,
    }  # fmt: skip


def test_p8_a_link_is_never_followed(laid_out, tmp_path):
    folder, _, _ = laid_out
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (folder / "out").symlink_to("../outside")
    with pytest.raises(HostilePath, match="leaves the workspace") as caught:
        look(laid_out)
    assert caught.value.path == "out"


@pytest.mark.parametrize("name", [".git", ".GIT", ".Git", "git~1", ".g\u200cit", ".git."])
@pytest.mark.parametrize("deep", ["", "src/"])
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_p8_a_git_folder_is_refused_by_name(laid_out, name, deep, kind):
    path = laid_out[0] / f"{deep}{name}"
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_bytes(b"gitdir: elsewhere")
    else:
        path.symlink_to("README.md")
    with pytest.raises(HostilePath, match=r"\.git folder") as caught:
        look(laid_out)
    assert caught.value.path == f"{deep}{name}"


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_what_is_neither_file_nor_link_is_refused(laid_out, kind, monkeypatch):
    folder, _, _ = laid_out
    monkeypatch.chdir(folder)  # the path of a socket may not be long
    if kind == "fifo":
        os.mkfifo("odd")
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("odd")
    with pytest.raises(HostilePath, match="neither a file nor a symbolic link"):
        look(laid_out)


@pytest.mark.parametrize("name", ["CON", "a:b", "x ", "back\\slash"])
def test_p8_a_name_that_is_another_one_elsewhere_is_refused(laid_out, name):
    (laid_out[0] / name).write_bytes(b"")
    with pytest.raises(HostilePath):
        look(laid_out)


def test_a_hostile_name_of_the_persons_own_is_left_alone(laid_out):
    """Only what is new or changed is judged; the person's tree is what it is."""
    folder, files, hidden = laid_out
    (folder / "aux.txt").write_bytes(b"old")
    files["aux.txt"] = Entry(FILE, object_id("blob", b"old"))
    assert look((folder, files, hidden)).puts == {}
    (folder / "aux.txt").write_bytes(b"new")
    with pytest.raises(HostilePath, match="device name"):
        look((folder, files, hidden))


def test_p8_files_in_a_submodule_are_refused(laid_out):
    (laid_out[0] / "vendor/sub/file").write_bytes(b"x")
    with pytest.raises(HostilePath, match="submodule"):
        look(laid_out)


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".env", ".ENV", "deploy/server.key", "id_rsa", ".ssh/config"])
def test_p12_a_written_secret_is_refused_by_name(laid_out, name):
    path = laid_out[0] / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"KEY=stolen\n")
    with pytest.raises(HostilePath, match="secret by its name") as caught:
        look(laid_out)
    assert caught.value.path == name


def test_p12_a_folder_in_the_place_of_a_secret_is_refused_by_name(laid_out):
    (laid_out[0] / ".env").mkdir()
    (laid_out[0] / ".env/x.example").write_bytes(b"x")
    with pytest.raises(HostilePath, match="secret by its name") as caught:
        look(laid_out)
    assert caught.value.path == ".env"


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        (".env", True), ("a/.env.production", True), ("x.pem", True), (".npmrc", True),
        ("home/.aws/credentials", True), ("Credentials.JSON", True), ("infra/prod.tfstate", True),
        (".env.example", False), ("config/test.env.example", False), ("id_rsa.pub", False),
        ("environment.ts", False), ("keys.md", False), ("server.key.template", False),
    ],
)  # fmt: skip
def test_p12_what_is_a_secret_by_its_name(path, secret):
    assert is_secret(path) == secret
    assert withheld([path, "README.md"]) == ((path,) if secret else ())
