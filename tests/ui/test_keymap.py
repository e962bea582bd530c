"""The person's own keys: what is understood is used everywhere, what is not is said."""

import pytest
from ui.dashboard_kit import board, make_plan, make_repository

from clubos_tui.ui.keymap import Keymap, keymap_path, read_keymap
from clubos_tui.ui.screens.help import key_page


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "clubos").mkdir(parents=True)
    return tmp_path / "config" / "clubos" / "keymap.toml"


def test_no_file_is_no_change(home):
    assert read_keymap(keymap_path()) == Keymap()


def test_keys_are_read_and_named(home):
    home.write_text('[keys]\naccept = "space"\nmore = "*"\nnote = "?, N"\nless = "-"\n')
    found = read_keymap(str(home))
    assert found.keys == {
        "accept": "space",
        "more": "*",
        "note": "question_mark,N",
        "less": "minus",
    }
    assert ["question_mark is both 'note' and 'help'" in p for p in found.problems] == [True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keys\n", "can't be read"),
        ("accept = 'x'\n", "one table"),
        ("[keys]\naccpt = 'x'\n", "did you mean 'accept'?"),
        ("[keys]\naccept = 3\n", "is to be a text"),
        ("[keys]\naccept = 'r'\n", "r is both 'accept' and 'reject'"),
    ],
)
def test_what_is_wrong_is_said(home, text, said):
    home.write_text(text)
    (problem,) = read_keymap(str(home)).problems
    assert said in problem
    assert str(home) in problem


async def test_an_own_key_acts_and_stands_in_footer_and_help(home, tmp_path):
    home.write_text("[keys]\nlive = 'ctrl+l'\nhelp = 'h'\nnope = 'x'\n")
    place = make_repository(tmp_path / "repo")
    async with board(place, make_plan(tmp_path / "plan")) as b:
        assert "no action 'nope'" in b.app.keymap.problems[0]
        await b.says("h Help")
        await b.press("L")
        assert not b.dashboard.live
        await b.press("ctrl+l")
        await b.until(lambda: b.dashboard.live)
        await b.press("h")
        await b.dialog("Help")
        assert "ctrl+l      Live" in key_page(b.dashboard.situation(), 100).plain
