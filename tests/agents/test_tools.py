"""The tools of a model: confined to the workspace, exact in what they change, plain in words."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.agents.tools import toolbox as rooms
from clubos_tui.agents.tools.specs import TOOLS, InvalidInput, parse, specs
from clubos_tui.agents.tools.toolbox import MOST_BYTES, Result, Toolbox, kind_of, title_of


class Space:
    """A workspace with a file outside of it, and the tools on it."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder / "outside"
        self.outside.mkdir()
        (self.outside / "key").write_text("secret of the host\n")
        self.top = folder / "space"
        self.top.mkdir()
        self.tools = Toolbox(str(self.top), ["conf/.env"])

    def write(self, path: str, data: bytes | str, mode: int = 0o644) -> Path:
        place = self.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        place.chmod(mode)
        return place

    def call(self, name: str, **fields: Any) -> Result:
        return self.tools.run(name, json.dumps(fields))

    def ok(self, name: str, **fields: Any) -> str:
        found = self.call(name, **fields)
        assert not found.failed, found.text
        return found.text

    def refused(self, name: str, word: str, **fields: Any) -> None:
        found = self.call(name, **fields)
        assert found.failed, found.text
        assert word in found.text
        assert str(self.top) not in found.text, "a path of the host"

    def everything(self) -> dict[str, bytes]:
        return {
            str(path): path.read_bytes() for path in self.top.parent.rglob("*") if path.is_file()
        }


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return Space(tmp_path)


# --- how they are told, and read ------------------------------------------------------------------


def test_the_model_is_told_the_same_in_every_request() -> None:
    told = specs(commands=False)
    assert [tool["name"] for tool in told] == [
        "read_file", "list_files", "search", "edit_file", "write_file", "delete_file", "move_file",
        "finish",
    ]  # fmt: skip
    assert json.dumps(told) == json.dumps(specs(commands=False))
    assert [tool["name"] for tool in specs(commands=True)] == list(TOOLS)
    for tool in specs(commands=True):
        schema = tool["input_schema"]
        assert tool["strict"] is True
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= set(schema["properties"])
        assert all(field["description"] for field in schema["properties"].values())


WHOLE = {
    "read_file": {"path": "a.py", "start_line": 3},
    "list_files": {"glob": "*.py"},
    "search": {"pattern": "x", "max_results": 2},
    "edit_file": {"path": "a", "old_string": "b", "new_string": "c", "replace_all": True},
    "write_file": {"path": "a.py", "content": "import os\n"},
    "delete_file": {"path": "a"},
    "move_file": {"from_path": "a", "to_path": "b"},
    "run_command": {"command": "true"},
    "finish": {"summary": "done", "notes_for_reviewer": ["a", "b"]},
}


@pytest.mark.parametrize("name", TOOLS)
def test_an_input_that_is_cut_off_anywhere_is_no_shorter_input(name: str) -> None:
    raw = json.dumps(WHOLE[name])
    call = parse(name, raw)
    assert kind_of(call)
    assert title_of(call)
    for end in range(1, len(raw)):
        with pytest.raises(InvalidInput):
            parse(name, raw[:end])


@pytest.mark.parametrize(
    ("name", "raw", "word"),
    [
        ("shell", "{}", "no tool"),
        ("read_file", "[]", "object"),
        ("read_file", "", "path"),
        ("read_file", '{"path": 1}', "str"),
        ("read_file", '{"path": "a", "start_line": true}', "int"),
        ("read_file", '{"path": "a", "mode": "w"}', "mode"),
        ("finish", '{"summary": "x", "open_questions": [1]}', "str"),
        ("write_file", '{"path": "a"}', "content"),
    ],
)
def test_an_input_that_does_not_fit_says_why(space: Space, name: str, raw: str, word: str) -> None:
    found = space.tools.run(name, raw)
    assert found.failed
    assert word in found.text


# --- confined -------------------------------------------------------------------------------------

OUT = [
    "../outside/key",
    "/etc/passwd",
    "a/../../outside/key",
    "link",
    "folder/key",
    "",
    ".",
    "a//b",
]


@pytest.mark.parametrize("path", OUT)
def test_p8_no_tool_reaches_out_of_the_workspace(space: Space, path: str) -> None:
    (space.top / "link").symlink_to(space.outside / "key")
    (space.top / "folder").symlink_to(space.outside)
    space.write("mine.txt", "mine\n")
    before = space.everything()
    calls: list[tuple[str, dict[str, Any]]] = [
        ("read_file", {"path": path}),
        ("write_file", {"path": path, "content": "x"}),
        ("edit_file", {"path": path, "old_string": "secret", "new_string": "x"}),
        ("move_file", {"from_path": "mine.txt", "to_path": path}),
    ]
    if path != "link":  # the link itself is the workspace's own
        calls += [
            ("delete_file", {"path": path}),
            ("move_file", {"from_path": path, "to_path": "taken"}),
        ]
    for name, fields in calls:
        found = space.call(name, **fields)
        assert found.failed, (name, found.text)
        assert "secret of the host" not in found.text
    assert space.everything() == before
    assert "secret of the host" not in space.ok("search", pattern="secret|host")
    assert "key" not in space.ok("list_files")


def test_p8_a_link_itself_is_deleted_and_moved_and_not_what_it_points_to(space: Space) -> None:
    (space.top / "link").symlink_to(space.outside / "key")
    space.ok("move_file", from_path="link", to_path="sub/other")
    assert os.readlink(space.top / "sub/other") == str(space.outside / "key")
    space.ok("delete_file", path="sub/other")
    assert (space.outside / "key").exists()
    assert not (space.top / "sub").exists()


def test_a_link_within_the_workspace_is_followed(space: Space) -> None:
    space.write("docs/a.md", "one\n")
    (space.top / "manual").symlink_to("docs")
    assert "one" in space.ok("read_file", path="manual/a.md")
    space.ok("edit_file", path="manual/a.md", old_string="one", new_string="two")
    assert (space.top / "docs/a.md").read_text() == "two\n"
    space.ok("write_file", path="manual/new/b.md", content="b\n")
    assert (space.top / "docs/new/b.md").read_text() == "b\n"


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "a/.GIT/config", "GIT~1/x", ".git"])
def test_p8_nothing_is_made_that_git_would_take_for_its_own(space: Space, path: str) -> None:
    space.refused("write_file", ".git", path=path, content="x")
    assert list(space.top.iterdir()) == []


@pytest.mark.parametrize("path", [".env", "keys/server.pem", "conf/.env"])
def test_p12_what_is_a_secret_by_its_name_is_not_shown(space: Space, path: str) -> None:
    space.write(path, "PASSWORD=hunter2\n")
    (space.top / "alias").symlink_to(path)
    for name in (path, "alias"):
        space.refused("read_file", "secret", path=name)
        space.refused("edit_file", "secret", path=name, old_string="hunter2", new_string="x")
    assert space.ok("search", pattern="hunter2") == "no line matches"


def test_p12_a_withheld_file_is_not_replaced_unseen(space: Space) -> None:
    space.refused("write_file", "withheld", path="conf/.env", content="x")
    space.refused("write_file", "withheld", path="CONF/.Env", content="x")
    space.write("a.txt", "a")
    space.refused("move_file", "withheld", from_path="a.txt", to_path="conf/.env")


def test_commands_wait_for_a_sandbox(space: Space) -> None:
    space.refused("run_command", "no sandbox", command="touch here")
    assert not (space.top / "here").exists()


# --- exact ----------------------------------------------------------------------------------------

LINES = st.lists(st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=20))


@given(LINES, st.integers(0, 5), st.sampled_from([b"\n", b"\r\n"]), st.binary(max_size=6))
def test_an_edit_changes_its_piece_and_no_other_byte(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], at: int, end: bytes, tail: bytes
) -> None:
    space = Space(tmp_path_factory.mktemp("edit"))
    tail = tail.replace(b"\0", b"").replace(b"\n", b"").replace(b"\r", b"")
    before = [line.encode() for line in lines]
    before.insert(min(at, len(before)), b"the <piece> here")
    head = end.join(before)
    place = space.write("f.txt", head + end + tail, 0o755)
    found = space.call("edit_file", path="f.txt", old_string="<piece> here\n", new_string="new\n\n")
    if (head + end + tail).count(b"<piece> here" + end) != 1:
        assert found.failed
        return
    assert not found.failed, found.text
    expected = head + end + tail
    assert place.read_bytes() == expected.replace(b"<piece> here" + end, b"new" + end + end)
    assert place.stat().st_mode & 0o777 == 0o755


def test_an_edit_that_is_not_unique_says_how_often_and_what_to_do(space: Space) -> None:
    place = space.write("f.txt", "a b a\n")
    space.refused("edit_file", "2 times", path="f.txt", old_string="a", new_string="x")
    space.refused("edit_file", "copy it exactly", path="f.txt", old_string="A", new_string="x")
    space.refused("edit_file", "the same", path="f.txt", old_string="a", new_string="a")
    space.refused("edit_file", "write_file", path="f.txt", old_string="", new_string="a")
    assert place.read_text() == "a b a\n"
    edit = {"path": "f.txt", "old_string": "a", "new_string": "x"}
    assert "2 places" in space.ok("edit_file", replace_all=True, **edit)
    assert place.read_text() == "x b x\n"


def test_a_file_is_replaced_only_as_it_was_read(space: Space) -> None:
    place = space.write("f.txt", "one\r\ntwo\r\n", 0o600)
    space.refused("write_file", "read it", path="f.txt", content="x\n")
    assert "CRLF" in space.ok("read_file", path="f.txt")
    place.write_bytes(b"changed\r\n")
    space.refused("write_file", "read it", path="f.txt", content="x\n")
    space.ok("read_file", path="f.txt")
    assert "kept" in space.ok("write_file", path="f.txt", content="x\ny\n")
    assert place.read_bytes() == b"x\r\ny\r\n"
    assert place.stat().st_mode & 0o777 == 0o600
    space.ok("write_file", path="f.txt", content="again\r\n")  # it knows what it wrote itself
    assert [path.name for path in space.top.iterdir()] == ["f.txt"]


def test_bytes_that_are_no_text_are_shown_as_such_and_kept(space: Space) -> None:
    place = space.write("latin.txt", b"caf\xe9\nline\n")
    shown = space.ok("read_file", path="latin.txt")
    assert "not all of it is UTF-8" in shown
    assert "caf\\xe9" in shown
    space.ok("edit_file", path="latin.txt", old_string="line", new_string="zeile")
    assert place.read_bytes() == b"caf\xe9\nzeile\n"
    space.write("logo.png", b"\x89PNG\0\0")
    assert "binary (png), 6 bytes" in space.ok("read_file", path="logo.png")
    space.refused("edit_file", "binary", path="logo.png", old_string="P", new_string="x")
    space.refused("write_file", "lone surrogate", path="x", content="\ud800")


def test_p8_the_folder_above_is_not_taken_for_the_top(space: Space) -> None:
    space.write("a.txt", "x\n")
    for path in ("..", "../", "/", "../..", "./.."):
        space.refused("list_files", "can't be used", path=path)
        space.refused("search", "can't be used", path=path, pattern="x")
    assert "a.txt" in space.ok("list_files", path=".")


@pytest.mark.parametrize("path", ["\ud800.txt", "a\udcff", "\udc00/b"])
def test_half_a_character_in_a_name_stops_no_request(space: Space, path: str) -> None:
    for name in ("read_file", "delete_file"):
        found = space.call(name, path=path)
        assert found.failed
        found.text.encode()
    space.tools.run(path, "{}").text.encode()


def test_names_that_are_no_text_are_listed_and_stop_no_request(space: Space) -> None:
    os.close(os.open(os.fsencode(space.top) + b"/n\xffame", os.O_CREAT))
    listed = space.ok("list_files")
    assert "n\\xffame" in listed
    listed.encode()


def test_moves_and_deletions_leave_no_empty_folder_and_take_no_place(space: Space) -> None:
    space.write("a/b/c.txt", "c")
    space.write("d.txt", "d")
    space.refused("move_file", "already", from_path="a/b/c.txt", to_path="d.txt")
    space.refused("move_file", "folder", from_path="a", to_path="e")
    space.refused("move_file", "no file", from_path="none", to_path="e/f")
    space.refused("delete_file", "folder", path="a")
    space.refused("delete_file", "no file", path="d.txt/x")
    space.refused("write_file", "a file stands", path="d.txt/x", content="x")
    space.ok("move_file", from_path="a/b/c.txt", to_path="d.d/c.txt")
    assert not (space.top / "a").exists()
    space.ok("delete_file", path="d.d/c.txt")
    assert [path.name for path in space.top.iterdir()] == ["d.txt"]


# --- bounded --------------------------------------------------------------------------------------


def test_a_large_file_is_read_piece_by_piece(space: Space) -> None:
    lines = [f"{number} {'x' * 90}" for number in range(10_000)]
    space.write("big.txt", "\n".join(lines) + "\n")
    seen: list[str] = []
    while len(seen) < len(lines):
        shown = space.ok("read_file", path="big.txt", start_line=len(seen) + 1)
        assert len(shown) < MOST_BYTES + 500
        seen += [line.split("\t")[1] for line in shown.split("\n")[1:]]
    assert seen == lines
    space.refused("read_file", "10000 lines", path="big.txt", start_line=20_000)
    space.write("line.txt", "y" * 500_000)
    shown = space.ok("read_file", path="line.txt")
    assert "+498,000 characters" in shown
    assert "no line end at the end" in shown
    space.refused("write_file", "the most", path="huge", content="z" * (rooms.MOST_WRITTEN + 1))


def test_a_list_and_a_search_say_what_they_leave_out(space: Space) -> None:
    for number in range(30):
        space.write(f"src/{number:02}.py", "import os\nneedle = 1\n")
    space.write("src/deep/x.sql", "select 1;\n")
    listed = space.ok("list_files", path="src", limit=10)
    assert "21 more" in listed
    assert "src/00.py  21 bytes" in listed
    assert space.ok("list_files", glob="*.sql") == "src/deep/x.sql  10 bytes"
    assert "no file matches" in space.ok("list_files", glob="*.rs")
    found = space.ok("search", pattern=r"need\w+ = \d", max_results=5)
    assert "src/00.py:2:needle = 1" in found
    assert "25 more lines" in found
    assert space.ok("search", pattern="import", path="src/03.py") == "src/03.py:1:import os"
    space.refused("search", "escape", pattern="(")
    space.refused("list_files", "no folder", path="src/00.py")


def test_a_pattern_that_would_take_for_ever_is_given_up(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "_SECONDS", 0.2)
    space.write("a.txt", "a" * 60 + "!\n")
    space.refused("search", "simpler pattern", pattern="(a|aa)+$")


def test_a_pipe_in_the_workspace_is_waited_for_by_nobody(space: Space) -> None:
    subprocess.run(["mkfifo", space.top / "pipe"], check=True)
    assert "no regular file" in space.ok("list_files")
    space.refused("read_file", "no regular file", path="pipe")
    space.refused("write_file", "no regular file", path="pipe", content="x")
    assert space.ok("search", pattern="x") == "no line matches"


@given(st.sampled_from(list(TOOLS)), st.text(max_size=40))
def test_no_input_makes_a_tool_raise(
    tmp_path_factory: pytest.TempPathFactory, name: str, raw: str
) -> None:
    Space(tmp_path_factory.mktemp("any")).tools.run(name, raw)


ANY = st.text(max_size=12) | st.sampled_from(
    ["a", "a/b.txt", "a/b.txt/c", "../outside/key", "a/../a/b.txt", "**", "*.txt", "[", "("]
)


@given(path=ANY, other=ANY, glob=ANY, number=st.integers(-5, 10**9))
def test_no_path_or_pattern_makes_a_tool_raise_or_leave(
    tmp_path_factory: pytest.TempPathFactory, path: str, other: str, glob: str, number: int
) -> None:
    space = Space(tmp_path_factory.mktemp("any"))
    space.write("a/b.txt", "text\n")
    for name, fields in (
        ("read_file", {"path": path, "start_line": number}),
        ("list_files", {"path": path, "glob": glob, "limit": number}),
        ("search", {"pattern": other, "glob": glob, "max_results": number}),
        ("write_file", {"path": path, "content": other}),
        ("edit_file", {"path": path, "old_string": other, "new_string": glob}),
        ("move_file", {"from_path": "a/b.txt", "to_path": other}),
        ("delete_file", {"path": path}),
    ):
        space.call(name, **fields).text.encode()
    assert sorted(entry.name for entry in space.top.parent.iterdir()) == ["outside", "space"]
    assert (space.outside / "key").read_text() == "secret of the host\n"
