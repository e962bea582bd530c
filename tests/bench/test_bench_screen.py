"""What a frame costs through a real terminal of 120x40: diff, log and leaving, beside others.

Every figure of a key is CPU time from its handling to the end of its frame; limits are checked
after all rows are noted, and one Markdown table is printed at the end. What is not installed or
would not survive a size is left out by name.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from bench.patches import Made, make_patch
from bench.subjects import BURST, BURST_SECONDS, SAID, read_back
from bench.terminal import HEIGHT, WIDTH, Key, Terminal

pytestmark = pytest.mark.bench

SIZES = (1_000, 10_000, 100_000)
LINES, PAGES, DECISIONS = 200, 60, 100
REPEAT, LOOK = 0.033, 0.1  # seconds between two keys: held down, and pressed by a person
SETTLE = 1.0
QUITS = 5

PEERS = {
    "textual-diff-view": (1_000, 5_000),
    "static": (1_000, 10_000),
}
NAMES = {"static": "Static with Syntax"}


# --- the table ------------------------------------------------------------------------------------


class Markdown:
    """Rows of one table: a measure, its limit, what was found here at each size, and elsewhere."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, dict[int, str], list[str]]] = {}
        self.notes: list[str] = []

    def _row(self, measure: str, limit: str = "") -> tuple[str, dict[int, str], list[str]]:
        before = self._rows.get(measure, ("", {}, []))
        self._rows[measure] = (limit or before[0], *before[1:])
        return self._rows[measure]

    def here(self, measure: str, limit: str, size: int, found: str) -> None:
        """Note what was found of this program."""
        self._row(measure, limit)[1][size] = found

    def there(self, measure: str, whose: str, found: str) -> None:
        """Note what was found of another."""
        self._row(measure)[2].append(f"{whose}: {found}")

    def __str__(self) -> str:
        head = ["", "limit", *(f"{size:,}" for size in SIZES), "others, in the same run"]
        rows = [head, ["---"] * len(head)]
        for measure, (limit, here, there) in self._rows.items():
            rows.append([measure, limit, *(here.get(size, "") for size in SIZES), "; ".join(there)])
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join(["", *lines, "", *self.notes])


@pytest.fixture(scope="module")
def board(request: pytest.FixtureRequest) -> Iterator[Markdown]:
    """The table, printed when all is measured, whatever failed."""
    made = Markdown()
    made.notes.append(
        "Keys: CPU ms of the process, in parentheses those of the loop's thread where they differ."
    )
    yield made
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture
    with capture.global_and_fixture_disabled():
        print(made)


class Limits:
    """Collects what is beyond its limit, so that one failure does not hide another."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def most(self, what: str, found: float, limit: float) -> None:
        """Allow up to a limit."""
        if found > limit:
            self.broken.append(f"{what}: {found:.3g}, at most {limit:g}")

    def least(self, what: str, found: float, limit: float) -> None:
        """Allow from a limit on."""
        if found < limit:
            self.broken.append(f"{what}: {found:,.0f}, at least {limit:,.0f}")

    def check(self) -> None:
        """Fail with all that is beyond."""
        assert not self.broken, "\n".join(self.broken)


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def shown(keys: list[Key]) -> str:
    """Return median and 95th percentile of CPU, and of the loop's thread where it differs."""
    process = [key.cpu for key in keys]
    loop = [key.loop for key in keys]
    text = f"{median(process):.1f}, {p95(process):.1f}"
    if p95(process) - p95(loop) > 0.5 or median(process) - median(loop) > 0.5:
        text += f" ({median(loop):.1f}, {p95(loop):.1f})"
    return text


# --- the diff -------------------------------------------------------------------------------------

FIRST = "first frame, ms cpu / wall"
BLOCK = "longest block of the loop until settled, ms"
KEY_BLOCK = "longest block while keys are pressed, ms"
MEMORY = "memory, MB: settled, after all keys"
SCROLL = f"scroll by a line, {LINES} times: median, p95"
PAGE = f"a page never drawn before, {PAGES} times: median, p95"
DECIDE = f"decide and go to the next, {DECISIONS} times: median, p95"


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Made, Path, Path]]:
    """The patch of each size, with its file, and one with the texts before and after."""
    folder = tmp_path_factory.mktemp("patches")
    made = {}
    for size in sorted({*SIZES, *(size for sizes in PEERS.values() for size in sizes)}):
        patch = make_patch(size)
        one, other = folder / f"{size}.patch", folder / f"{size}.json"
        one.write_text(patch.patch)
        if size <= 10_000:
            other.write_text(json.dumps(patch.files))
        made[size] = patch, one, other
    return made


def pages(made: Made) -> int:
    """Return how often one can page down below the lines that were scrolled by."""
    return max(5, min(PAGES, (made.rows - LINES - 3 * HEIGHT) // HEIGHT))


Found = dict[str, float | list[Key]]


def scrolled(terminal: Terminal, line: str, made: Made, found: Found) -> None:
    """Measure what every diff does: the first frame, lines below the bottom, pages."""
    first = terminal.press("f5")
    time.sleep(SETTLE)
    figures = terminal.figures()
    found |= {"cpu": first.cpu, "wall": first.wall, "block": figures["block"], "mb": figures["mb"]}
    terminal.presses(line, HEIGHT + 5, pause=0.01)
    found["lines"] = terminal.presses(line, LINES, pause=REPEAT)
    assert len(found["lines"]) == LINES, "a key painted nothing"
    found["pages"] = terminal.presses("pagedown", pages(made), pause=LOOK)


def ended(terminal: Terminal, found: Found) -> None:
    """Note what the keys did, and let the program end by itself."""
    figures = terminal.figures()
    found |= {"key_block": figures["block"], "mb_after": figures["mb"]}
    terminal.type("f10")
    terminal.ended()


def cells(found: Found) -> Iterator[tuple[str, str]]:
    """Yield what stands in the table of a diff."""
    yield FIRST, f"{found['cpu']:,.0f} / {found['wall']:,.0f}"
    yield BLOCK, f"{found['block']:,.0f}"
    yield KEY_BLOCK, f"{found['key_block']:,.0f}"
    yield MEMORY, f"{found['mb']:,.0f}, {found['mb_after']:,.0f}"
    for name, keys in ((SCROLL, "lines"), (PAGE, "pages"), (DECIDE, "decisions")):
        if keys in found:
            yield name, shown(found[keys])  # type: ignore[arg-type]


LIMITS = {
    FIRST: "≤ 250 cpu", BLOCK: "≤ 50", KEY_BLOCK: "≤ 50", MEMORY: "≤ 60", SCROLL: "≤ 5",
    PAGE: "≤ 8", DECIDE: "≤ 16, 33",
}  # fmt: skip


@pytest.fixture(scope="module")
def diffs() -> dict[int, Found]:
    """What was found of our diff, by size."""
    return {}


@pytest.mark.parametrize("size", SIZES)
def test_diff(
    size: int, patches: dict[int, tuple[Made, Path, Path]], board: Markdown, diffs: dict[int, Found]
) -> None:
    """Show, scroll, page and decide; no more than the limits, and at any size the same."""
    made, patch, _ = patches[size]
    found: Found = {}
    with Terminal.of("ours", patch) as terminal:
        scrolled(terminal, "j", made, found)
        terminal.press("g")
        terminal.press("right_square_bracket")
        decisions = min(DECISIONS, made.hunks - 2)
        found["decisions"] = terminal.presses("a", decisions, pause=REPEAT)
        assert (len(found["pages"]), len(found["decisions"])) == (pages(made), decisions)  # type: ignore[arg-type]
        ended(terminal, found)
    diffs[size] = found
    for measure, text in cells(found):
        board.here(measure, LIMITS[measure], size, text)
    lines, paged, decided = (
        [key.cpu for key in found[name]]  # type: ignore[union-attr]
        for name in ("lines", "pages", "decisions")
    )
    limits = Limits()
    limits.most("first frame, ms", found["cpu"], 250)  # type: ignore[arg-type]
    limits.most("block until settled, ms", found["block"], 50)  # type: ignore[arg-type]
    limits.most("block while keys are pressed, ms", found["key_block"], 50)  # type: ignore[arg-type]
    limits.most("memory, MB", found["mb"], 60)  # type: ignore[arg-type]
    if size == SIZES[-1]:  # a frame of Textual's own costs nearly as much
        limits.most("line, median ms", median(lines), 5)
    limits.most("page, median ms", median(paged), 8)
    limits.most("decision, median ms", median(decided), 16)
    limits.most("decision, p95 ms", p95(decided), 33)
    if size == SIZES[-1] and SIZES[1] in diffs:
        smaller = [key.cpu for key in diffs[SIZES[1]]["lines"]]  # type: ignore[union-attr]
        limits.most("line at 100,000 to line at 10,000", median(lines) / median(smaller), 2)
    limits.check()


@pytest.mark.parametrize(
    ("whose", "size"), [(whose, size) for whose, sizes in PEERS.items() for size in sizes]
)
def test_other_diffs(
    whose: str, size: int, patches: dict[int, tuple[Made, Path, Path]], board: Markdown
) -> None:
    """Do the same with another widget, as far as it can."""
    if whose == "textual-diff-view" and find_spec("textual_diff_view") is None:
        board.notes.append("textual-diff-view is not installed and was left out.")
        pytest.skip("textual-diff-view is not installed")
    made, patch, texts = patches[size]
    found: Found = {}
    with Terminal.of(whose, patch if whose == "static" else texts) as terminal:
        scrolled(terminal, "down", made, found)
        ended(terminal, found)
    for measure, text in cells(found):
        board.there(measure, f"{NAMES.get(whose, whose)} at {size:,}", text)


# --- the log --------------------------------------------------------------------------------------

FLAT = "log flat out, lines a second"
LOG_MEMORY = "log, memory, MB"
SHARE = "log at 10,000 a second, share of a core: alone, with 8 keys a second"
LOG_BLOCK = "longest block of the loop in it, ms"
LOG_KEY = "key to paint in it, p95 ms: cpu / wall"


def logged(terminal: Terminal, seconds: float, up: str, end: str) -> tuple[dict[str, float], Found]:
    """Fill a log flat out; feed it, and once more while somebody looks up and follows again."""
    terminal.type("f5")
    flat = terminal.told("flat")
    terminal.figures()
    terminal.type("f7")
    alone = terminal.told("fed")
    terminal.type("f7")
    began, keys = time.perf_counter(), []
    while time.perf_counter() - began < seconds - 0.5:
        keys.append(terminal.press(up))
        time.sleep(LOOK)
        keys.append(terminal.press(end))
        time.sleep(LOOK)
    fed = terminal.told("fed")
    figures = terminal.figures()
    terminal.type("f10")
    terminal.ended()
    found: Found = {"keys": keys, "share": alone["share"], "busy": fed["share"]}
    return flat, found | {"seconds": alone["seconds"], "block": figures["block"]}


def test_log(tmp_path: Path, board: Markdown) -> None:
    """Take a million lines flat out, then 10,000 a second, without keys and with some."""
    with Terminal.of("log", tmp_path) as terminal:
        flat, found = logged(terminal, 5.0, "k", "G")
    keys: list[Key] = found["keys"]  # type: ignore[assignment]
    cpu, wall = [key.cpu for key in keys], [key.wall for key in keys]
    large = SIZES[-1]
    board.here(FLAT, "≥ 200,000", large, f"{flat['per_second']:,.0f}")
    board.here(LOG_MEMORY, "≤ 60", large, f"{flat['mb']:.0f} at 1,000,000")
    board.here(SHARE, "≤ 0.25", large, f"{found['share']:.2f}, {found['busy']:.2f}")
    board.here(LOG_BLOCK, "", large, f"{found['block']:.0f}")
    board.here(LOG_KEY, "≤ 33 cpu", large, f"{p95(cpu):.1f} / {p95(wall):.1f}")
    limits = Limits()
    limits.least("lines a second", flat["per_second"], 200_000)
    limits.most("memory at 1,000,000, MB", flat["mb"], 60)
    limits.most("share of a core", found["share"], 0.25)  # type: ignore[arg-type]
    limits.most("key to paint, p95 ms", p95(cpu), 33)
    limits.check()


def test_other_logs(tmp_path: Path, board: Markdown) -> None:
    """Do the same with `RichLog`: 20,000 lines flat out, then two seconds' worth of them."""
    with Terminal.of("richlog", tmp_path) as terminal:
        flat, found = logged(terminal, 2.0, "up", "end")
    keys: list[Key] = found["keys"]  # type: ignore[assignment]
    board.there(FLAT, "RichLog", f"{flat['per_second']:,.0f}")
    board.there(LOG_MEMORY, "RichLog", f"{flat['mb']:.0f} at 20,000")
    took = f"{found['share']:.1f}, {found['seconds']:.0f} s for what came in 2"
    board.there(SHARE, "RichLog", took)
    board.there(LOG_BLOCK, "RichLog", f"{found['block']:,.0f}")
    slowest = [max(values) for values in zip(*((key.cpu, key.wall) for key in keys), strict=True)]
    board.there(LOG_KEY, "RichLog, slowest", f"{slowest[0]:,.0f} / {slowest[1]:,.0f}")


def test_burst(tmp_path: Path, board: Markdown) -> None:
    """Write 50,000 events a second for two seconds, and find every one of them again."""
    total = int(BURST * BURST_SECONDS)
    with Terminal.of("burst", tmp_path) as terminal:
        terminal.type("f5")
        found = terminal.told("burst")
        figures = terminal.figures()
        terminal.type("f10")
        terminal.ended()
    streamed, journalled = read_back(tmp_path, found["digest"])
    board.here(
        f"burst of {total:,} in {BURST_SECONDS:g} s: lost; {BURST:,} a second wanted, done", "0",
        SIZES[-1],
        f"{total - streamed} of the stream, {SAID + 2 - journalled} of the journal, "
        f"{total - found['heard']} on the screen; {found['rate']:,.0f}, "
        f"{found['cores']:.2f} cores, block {figures['block']:.0f} ms",
    )  # fmt: skip
    assert streamed == found["heard"] == total
    assert journalled == SAID + 2


# --- leaving --------------------------------------------------------------------------------------

PLAN = """name = "Small"

[[phase]]
name = "First things"
required_approval = true

[[phase.action]]
id = "write"
name = "Write"
blueprint = "blueprints/first"

[[phase.check]]
name = "there"
kind = "paths"
paths = ["one/**"]
"""


@pytest.fixture
def project(home: Path, tmp_path: Path) -> Path:
    """A repository with a plan of one phase that has to be approved."""
    folder = tmp_path / "project"
    blueprint = folder / "blueprints/first/one"
    blueprint.mkdir(parents=True)
    for name in "abc":
        (blueprint / f"{name}.txt").write_text(f"{name}\n" * 20)
    (folder / "clubos.toml").write_text(PLAN)
    for arguments in (
        ["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=first"],
    ):  # fmt: skip
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def alive(pid: int) -> tuple[bool, bool]:
    """Tell whether a process watches files and holds the driver's lock open."""
    links = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return (
        any("inotify" in link for link in links),
        any(link.endswith("driver.lock") for link in links),
    )


def test_quit(project: Path, tmp_path: Path, board: Markdown) -> None:
    """Leave while a phase is under review: the driver has the lock, the checkout is watched."""
    took = []
    for number in range(QUITS):  # each a run of its own, that was proposed in this session
        command = [sys.executable, "-m", "clubos_tui", "--repo", str(project)]
        with Terminal(command, {"CLUBOS_STATE_DIR": str(tmp_path / f"state{number}")}) as terminal:
            terminal.until(b"First things")
            time.sleep(SETTLE)
            terminal.type("n")
            end = time.monotonic() + 10
            while not all(alive(terminal.pid)) and time.monotonic() < end:
                time.sleep(0.05)
            terminal.until(b"Review and approve")
            time.sleep(SETTLE)
            assert alive(terminal.pid) == (True, True), "watcher and driver"
            sent = terminal.type("q")
            took.append(terminal.ended() - sent)
    board.here(
        f"quit, wall s: median and slowest of {QUITS}", "≤ 0.3", SIZES[-1],
        f"{median(took):.2f}, {max(took):.2f}",
    )  # fmt: skip
    board.notes.append(f"A terminal of {WIDTH}x{HEIGHT}, {os.cpu_count()} cores.")
    limits = Limits()
    limits.most("from the key to the end, s", median(took), 0.3)
    limits.check()
