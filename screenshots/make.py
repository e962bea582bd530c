"""Make the pictures of the README from a real run of the demo.

    python screenshots/make.py

Every picture is the real dashboard with the real engine on a fresh sample repository; nothing is
drawn by hand. It takes about half a minute and writes ``screenshots/*.svg``.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from clubos_tui.cli.sample import make_sample
from clubos_tui.ui.app import ClubosApp

HERE = Path(__file__).parent
SIZE = (120, 36)
SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = {"dark": "textual-dark", "light": "textual-light"}
PATIENCE = 60.0


async def main() -> None:
    """Take the demo from its first dry run to a rollback and picture it on the way."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLUBOS_STATE_DIR"] = os.path.join(folder, "state")
        sample = make_sample(os.path.join(folder, "fairway-club"))
        app = ClubosApp(sample, live=True, who="Robin")
        async with app.run_test(size=SIZE) as pilot:
            await journey(Camera(app, pilot), Path(sample))


class Camera:
    """Presses keys, waits for what the screen shows, takes pictures."""

    def __init__(self, app: ClubosApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    def screen(self) -> str:
        """Return what the screen shows, as text."""
        strips = self.app.screen._compositor.render_strips()  # noqa: SLF001  no public way to text
        return "\n".join(strip.text for strip in strips)

    async def until(self, wanted: str | Callable[[str], bool]) -> None:
        """Wait until the screen shows something."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            await self.pilot.pause(0.05)
            text = self.screen()
            if wanted(text) if callable(wanted) else wanted in text:
                await self.pilot.pause(0.2)
                return
        raise SystemExit(f"waited in vain for {wanted!r}:\n{self.screen()}")

    async def confirm(self, title: str) -> None:
        """Answer a dialog with yes, once it listens."""
        await self.until(title)
        await self.pilot.pause(0.5)
        await self.pilot.press("y")
        await self.until(lambda text: title not in text)

    async def take_all(self, name: str, title: str) -> None:
        """Write a picture in each size and theme, and go back to where one was."""
        before, theme = self.app.size, self.app.theme
        for width, height in SIZES:
            await self.pilot.resize_terminal(width, height)
            for shade, self.app.theme in THEMES.items():
                await self.pilot.pause(0.5)
                self.take(f"{name}-{width}x{height}-{shade}", title)
        self.app.theme = theme
        await self.pilot.resize_terminal(*before)
        await self.pilot.pause(0.5)

    def take(self, name: str, title: str) -> None:
        """Write a picture."""
        svg = self.app.export_screenshot(title=title)
        # Ids hold a hash of the content; without it two equal screens give one file.
        svg = re.sub(r"terminal-\d+", f"terminal-{name}", svg)
        svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # a picture fetches nothing
        (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(HERE.name + f"/{name}.svg")  # noqa: T201


async def journey(camera: Camera, sample: Path) -> None:
    """Go through all five phases; stop for a picture where a reader would look."""
    press, until, confirm = camera.pilot.press, camera.until, camera.confirm
    await until("Press")
    await press("n")
    await until("Next: Execute phase 1")
    await press("n")
    await confirm("execute phase 1?")
    for number in range(2, 6):
        await until(f"Next: Dry run of phase {number}")
        if number == 3:
            camera.take("phases", "Two phases validated, three to go")
        await press("n")
        await until(f"approve phase {number}")
        if number == 2:
            await press("3", "right_curly_bracket", "a")
            await until("accepted")
            camera.take("review", "Reviewing what phase 2 would change")
            await camera.take_all("sizes", "Reviewing what phase 2 would change")
            await press("z", "right_square_bracket")
            await camera.pilot.pause(0.5)
            camera.take("zoomed", "The diff alone: decided hunk by hunk, riskiest file first")
            await press("z", "5", "g")
            await camera.pilot.pause(0.5)
            camera.take("checks", "The evidence about the very tree that is proposed")
            await press("4")
        await press("n")
        await until(f"Approve phase {number} of 5?")
        if number == 2:
            camera.take("approval", "The approval is bound to one tree")
        await confirm(f"Approve phase {number} of 5?")
        await confirm("Approve what was not read?")
        await until(f"Next: Execute phase {number}")
        await press("n")
        await confirm(f"execute phase {number}?")
    await until("Merge into main")
    in_the_way = sample / "clubos" / "package.json"
    in_the_way.parent.mkdir()
    in_the_way.write_text('{"mine": true}\n', encoding="utf-8")
    await press("n")
    await confirm("LIVE: merge?")
    await until("package.json")
    await until("Commit, move or restore")
    camera.take("error", "A file of yours is in the way: nothing was changed")
    in_the_way.unlink()
    in_the_way.parent.rmdir()
    await press("n")
    await confirm("LIVE: merge?")
    await until("merged")
    await press("1", *["up"] * 4)
    await press("R")
    await until("Roll back phases 1 to 5?")
    await camera.pilot.pause(0.5)
    await press("y")
    await until("Rolled back phases 1 to 5")
    camera.take("rollback", "Taken back, file by file, and compared")


if __name__ == "__main__":
    asyncio.run(main())
