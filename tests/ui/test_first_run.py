"""Before the first run: what to do, and what this machine offers, looked up beside the screen."""

import re
import time

import pytest
from dashboard_kit import board, make_plan, make_repository
from support.programs import HANGS, alive, nothing, put
from ui.test_diff_view import DiffApp
from ui.test_goldens import painted, stored

from clubos_tui.machine.parts import Part
from clubos_tui.ui.first_run import first_run
from clubos_tui.ui.widgets.views import DiffPane

PARTS = (
    Part("agents", "blueprint", True, purpose="the built-in plan; needs no key, no network"),
    Part("agents", "claude", True, note="key from ANTHROPIC_API_KEY"),
    Part("agents", "claude-code", False, cure="npm install -g @agentclientprotocol/claude-agent"),
    Part("agents", "gemini", True, "0.9.1", off="runs only in the sandbox",
         cure="The sandbox has to hold first."),
    Part("sandbox", "sandbox", False, "0.8.0", off="the box could not be built: no namespaces",
         cure="Let programs make user namespaces: on Ubuntu 24.04 and later the package "
         "apparmor-profiles has the profile bwrap-userns-restrict."),
    Part("git", "git", True, "2.30.1", needed=True, off="older than 2.38",
         cure="Install git 2.38 or newer."),
    Part("postgresql", "psql", False, note="\x1b[31mred\u202e", cure="Install it."),
    Part("terminal", "size", True, "120x40"),
    Part("terminal", "UTF-8", True, note="C.UTF-8"),
    Part("clubos", "python", True, "3.12.1"),
)  # fmt: skip


async def shown(app, pilot, parts=PARTS):
    app.view.show_empty(first_run(parts))
    await pilot.pause()
    return app.lines()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}")
async def test_it_looks_as_stored(size):
    app = DiffApp()
    async with app.run_test(size=size) as pilot:
        text = "\n".join(line.rstrip() for line in await shown(app, pilot)) + "\n"
    assert text == stored(f"first-run-{size[0]}.txt", text)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_it_looks_as_stored_in_colour(theme):
    app = DiffApp()
    async with app.run_test(size=(100, 30)) as pilot:
        app.theme = theme
        await shown(app, pilot)
        svg = app.export_screenshot(title=theme)
    svg = re.sub(r"terminal-\d+", "golden", svg)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    assert painted(svg) == painted(stored(f"first-run-{theme}.svg", svg))


async def test_it_scrolls_and_is_folded_anew_for_another_size():
    app = DiffApp()
    async with app.run_test(size=(60, 8)) as pilot:
        top = await shown(app, pilot)
        assert "No run yet." in top[1]
        await pilot.press("space", "j")
        assert app.view.scroll_offset.y == 7
        await pilot.press("G")
        await pilot.pause()
        assert "C.UTF-8" in app.lines()[-1]
        await pilot.press("k", "pageup", "g")
        await pilot.pause()
        assert app.lines() == top
        app.view.focus()
        await pilot.press("G")
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert app.view.scroll_offset.y == 0
        assert "No run yet." in app.lines()[1]
        assert all(len(line) <= 120 for line in app.lines())


async def test_p11_what_programs_and_variables_say_is_shown_as_text():
    app = DiffApp()
    async with app.run_test(size=(100, 40)) as pilot:
        text = "\n".join(await shown(app, pilot))
    assert "␛[31mred⟨U+202E⟩" in text
    assert "\x1b" not in text


def test_where_it_can_not_be_looked_at_the_screen_says_so():
    lines = [line.text or line.label for line in first_run("OSError: no disk")]
    assert "This machine could not be looked at: OSError: no disk" in lines
    assert any("Press n or d" in line for line in lines)


# --- in the dashboard --------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUBOS_STATE_DIR", str(tmp_path / "state"))
    return make_repository(tmp_path / "repo")


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path / "home")


async def test_it_shows_what_doctor_tells(place, plan, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", nothing(folder))
    put(folder, "gemini", "echo 7.8.9")
    async with board(place, plan, size=(200, 60)) as b:
        await b.says("gemini 7.8.9")
        text = b.text()
        assert "No run yet." in text
        assert "Nothing in your repository is touched" in text
        assert "npm install -g opencode-ai" in text
        assert "bubblewrap" in text
        assert re.search(r"Git +✔ git \d", text)


async def test_80x24_says_first_what_to_do_and_scrolls_for_the_rest(place, plan):
    async with board(place, plan, size=(80, 24)) as b:
        await b.says("blueprint")
        assert "Press n or d to see what phase 1 would change" in b.text()
        assert "press 3, then j and k scroll" in b.text()
        assert "UTF-8" not in b.text()
        await b.press("3", "G")
        await b.says("UTF-8")


async def test_nothing_waits_for_a_program_that_hangs(place, plan, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{nothing(folder)}:/usr/bin:/bin")
    hangs = put(folder, "gemini", HANGS)
    async with board(place, plan) as b:
        await b.says("Looking at this machine ...")
        await b.press("d")
        await b.phase(1, "proposed")
        assert b.dashboard.query_one(DiffPane).current_file
        began = time.monotonic()
        await b.press("q")
        await b.until(lambda: b.app._exit)
        await b.until(lambda: not alive(str(hangs)))
    assert time.monotonic() - began < 3
    assert alive(str(hangs)) == []


async def test_with_a_run_nothing_is_looked_at(place, plan, tmp_path, monkeypatch):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
    folder = tmp_path / "bin"
    put(folder, "gemini", f"touch {tmp_path}/asked")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    async with board(place, plan) as b:
        await b.phase(1, "proposed")
        await b.says("one/a.txt")
    assert not (tmp_path / "asked").exists()
