"""How a person is called: the settings, and the sequences that terminals know."""

import pytest

from clubos_tui.ui import escape
from clubos_tui.ui.notify import Notify, notify_path, read_notify

XTERM = {"TERM": "xterm-256color"}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "clubos").mkdir()
    return tmp_path / "clubos" / "notify.toml"


def test_no_file_changes_nothing(file):
    assert read_notify(notify_path()) == Notify()


def test_what_is_said_is_done(file):
    file.write_text(
        'bell = false\ntitle = false\ndesktop = "osc9"\ncommand = ["notify-send", "clubos"]\n'
    )
    assert read_notify(notify_path()) == Notify(
        bell=False, title=False, desktop="osc9", command=("notify-send", "clubos")
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bell =\n", "can't be read"),
        ("bel = true\n", "did you mean 'bell'?"),
        ('bell = "yes"\n', "bell is to be true or false"),
        ('desktop = "loud"\n', "desktop is to be one of auto, off, osc9, osc99, osc777"),
        ("desktop = [1]\n", "desktop is to be one of"),
        ('command = "notify-send clubos"\n', "command is to be a list of texts"),
        ('command = [""]\n', "command is to be a list of texts"),
        ('command = ["a\\u0000b"]\n', "command is to be a list of texts"),
        ("command = [1]\n", "command is to be a list of texts"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_stands(file, text, said):
    good = "title = false\n" if "can't" not in said else ""
    file.write_text(good + text)
    found = read_notify(notify_path())
    (problem,) = found.problems
    assert said in problem
    assert str(file) in problem
    assert found.title is not bool(good)
    assert (found.bell, found.desktop, found.command) == (True, "auto", ())


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "osc99"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "osc9"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "osc9"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "osc777"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "osc777"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "rxvt-unicode-256color"}, "osc777"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "osc777"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TMUX": "x",
          "KITTY_WINDOW_ID": "1"}, "osc99"),
        ({"TERM": "screen-256color", "STY": "1.pts", "KITTY_WINDOW_ID": "1"}, ""),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, ""),
        (XTERM, ""),
        ({"TERM": "linux", "VTE_VERSION": "7600"}, ""),
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "1"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_notification_is_one_that_the_terminal_knows(environment, kind):
    assert escape.known_to(environment) == kind
    if environment.get("TERM", "dumb") in {"dumb", "linux"}:
        assert escape.title("clubos", environment) == ""
        assert escape.notification("osc9", "clubos", "x", environment) == ""


def test_each_sequence_is_as_its_terminals_read_it():
    def said(kind, **more):
        return escape.notification(kind, "clubos — a;b", "approve phase 2", {**XTERM, **more})

    assert said("osc9") == "\x1b]9;clubos — a,b: approve phase 2\a"
    assert said("osc777") == "\x1b]777;notify;clubos — a,b;approve phase 2\a"
    assert said("osc99") == (
        "\x1b]99;i=clubos:d=0:o=unfocused;clubos — a,b\x1b\\"
        "\x1b]99;i=clubos:d=1:p=body:o=unfocused;approve phase 2\x1b\\"
    )
    assert said("off") == said("") == ""
    assert said("osc9", TMUX="x") == ("\x1bPtmux;\x1b\x1b]9;clubos — a,b: approve phase 2\a\x1b\\")
    assert said("osc9", STY="x") == ""


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b]0;mine\a",
        "a\x07b",
        "\x9d0;x\x9c",
        "a\nb\rc",
        "\u202egpj",
        "x\x1b\\y",
        "\udcff\udc1b",
        "\0",
    ],
)
def test_p11_a_folders_name_does_nothing_in_a_title_or_notification(hostile):
    for text in (
        escape.title(hostile, XTERM)[4:-1],
        escape.notification("osc777", hostile, hostile, XTERM)[13:-1],
        escape.notification("osc9", hostile, hostile, XTERM)[4:-1],
        escape.plain(hostile),
    ):
        assert text.isprintable(), ascii(text)
        assert "\u202e" not in text
        text.encode()


def test_p11_markup_of_a_desktop_is_shown_and_a_long_text_is_cut():
    assert escape.plain('<a href="x">&amp;') == '(a href="x")+amp,'
    long = escape.plain("界" * 10_000)
    assert escape.cell_cut(long, 120) == long
    assert long.endswith("…")
    assert len(escape.title("x" * 10_000, XTERM)) < 100
