"""How the diff looks, held against stored screens: three sizes as text, three themes in colour.

After a change that is meant, ``GOLDENS=write pytest tests/ui/test_goldens.py`` stores them anew;
look at what git says has changed, and at the pictures.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ui.test_diff_view import DiffApp, created, modified, patch

from clubos_tui.changes.alike import alike
from clubos_tui.changes.attention import attention, in_order
from clubos_tui.changes.decisions import Decision, Draft

GOLDENS = Path(__file__).parent / "goldens"

SAMPLE = (
    created("notes/long.md", "# Notes", "", "word " * 30)
    + modified(
        "src/app.py",
        "@@ -1,4 +1,5 @@ def run():\n import os\n-limit = 10\n+limit = 20\n+retries = 3\n \n \n",
        "@@ -40,3 +41,3 @@ def stop():\n a\n-\tb = 1\n+    b = 1\n c\n",
    )
    + "".join(modified(f"gen/{n}.ts", "@@ -1 +1 @@\n-import a\n+import b\n") for n in "xyz")
    + "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n"
    + "diff --git a/migrations/1.sql b/migrations/1.sql\ndeleted file mode 100644\n"
    "index 1111111..0000000\n--- a/migrations/1.sql\n+++ /dev/null\n@@ -1 +0,0 @@\n-drop table x;\n"
)


@asynccontextmanager
async def sample(size: tuple[int, int], theme: str = "", *, split: bool) -> AsyncIterator[DiffApp]:
    """Show the sample half decided, with all that is found out about it later."""
    app = DiffApp()
    read = patch(SAMPLE)
    reasons = attention(read)
    read = in_order(read, reasons)
    draft = Draft()
    app_hunks = next(file for file in read.files if file.path == b"src/app.py").hunks
    draft.decide(
        [
            Decision("run.sh", "accept"),
            Decision("src/app.py", "reject", "keep ten", app_hunks[0].id),
            Decision("src/app.py", "accept", hunk=app_hunks[1].id, first=2, last=2),
        ]
    )
    async with app.run_test(size=size) as pilot:
        app.theme = theme or app.theme
        app.view.show(read, title="Phase 2", reasons=reasons, alike=alike(read))
        app.view.set_draft(draft)
        app.view.set_marks({b"run.sh": "changed outside"})
        if split:
            app.view.toggle_split()
        app.view.focus()
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        yield app


def stored(name: str, shown: str) -> str:
    """Return what is stored under a name; write it first where that is asked for."""
    path = GOLDENS / name
    if os.environ.get("GOLDENS") == "write":
        path.write_text(shown, encoding="utf-8")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("split", [False, True], ids=["unified", "split"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}")
async def test_the_diff_looks_as_stored(size, split):
    async with sample(size, split=split) as app:
        shown = "\n".join(line.rstrip() for line in app.lines()) + "\n"
    assert shown == stored(f"diff-{size[0]}-{'split' if split else 'unified'}.txt", shown)


def painted(svg: str) -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    """Return what a picture shows: its grounds and its texts, each with colour and place.

    How rich frames it and numbers its styles is nobody's promise.
    """
    looks = dict(re.findall(r"\.[\w-]+-(r\d+) \{ (.*?) ?\}", svg))
    texts = re.findall(
        r'<text class="[\w-]+-(r\d+)" x="([\d.]+)" y="([\d.]+)".*?>(.*?)</text>', svg
    )
    grounds = re.findall(r'<rect fill="(.*?)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', svg)
    assert texts
    assert grounds
    return set(grounds), {(looks[look], *rest) for look, *rest in texts}


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_the_diff_looks_as_stored_in_colour(theme):
    async with sample((100, 40), theme, split=False) as app:
        svg = app.export_screenshot(title=theme)
    svg = re.sub(r"terminal-\d+", "golden", svg)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    assert painted(svg) == painted(stored(f"diff-{theme}.svg", svg))


async def test_sixteen_colours_and_none_say_all_that_many_say(monkeypatch):
    screens = []
    for theme, no_color in (("textual-dark", ""), ("ansi-dark", ""), ("ansi-dark", "1")):
        monkeypatch.setenv("NO_COLOR", no_color)
        async with sample((100, 40), theme, split=False) as app:
            screens.append(app.lines())
            strips = [app.view.render_line(y) for y in range(30)]
        styles = {style for strip in strips for _, style, _ in strip if style}
        colours = {color for style in styles for color in (style.color, style.bgcolor) if color}
        if theme == "ansi-dark":
            assert all(color.number is None or color.number < 16 for color in colours)
            assert all(color.triplet is None for color in colours)
        else:
            assert len(colours) > 10
    assert screens[0] == screens[1] == screens[2]
