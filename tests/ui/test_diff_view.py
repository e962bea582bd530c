"""The diff on screen: what a person reads, where keys lead, which messages go up."""

import unicodedata

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Offset

from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.patch import parse
from clubos_tui.ui.widgets.diff_view import DiffView

IDS = "index 1111111111111111..2222222222222222"


def modified(path: str, *hunks: str) -> str:
    head = f"diff --git a/{path} b/{path}\n{IDS} 100644\n--- a/{path}\n+++ b/{path}\n"
    return head + "".join(hunks)


def created(path: str, *lines: str) -> str:
    body = "".join(f"+{line}\n" for line in lines)
    count = f"1,{len(lines)}" if len(lines) != 1 else "1"
    return (
        f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex 0000000..2222222\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +{count} @@\n{body}"
    )


TWO_HUNKS = (
    "@@ -1,2 +1,2 @@ def f():\n a\n-b\n+c\n",
    "@@ -40,2 +40,3 @@\n x\n-y\n+z\n+w\n\\ No newline at end of file\n",
)
SAMPLE = modified("one.py", *TWO_HUNKS) + created("two.py", "hello", "world")


class DiffApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.paths: list[bytes | None] = []

    def compose(self) -> ComposeResult:
        yield DiffView()

    def on_diff_view_file_changed(self, event: DiffView.FileChanged) -> None:
        assert event.control is event.view
        self.paths.append(event.path)

    @property
    def view(self) -> DiffView:
        return self.query_one(DiffView)

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return [strip.text.rstrip(" ▁▂▃▄▅▆▇█") for strip in strips]


def patch(text: str | bytes):
    return parse(text if isinstance(text, bytes) else text.encode())


async def shown(pilot, text: str | bytes, **options: str) -> list[str]:
    pilot.app.view.show(patch(text), **options)
    pilot.app.view.set_draft(Draft())
    pilot.app.view.focus()
    await pilot.pause()
    return pilot.app.lines()


async def test_a_patch_is_shown_whole_and_signed():
    app = DiffApp()
    async with app.run_test(size=(60, 18)) as pilot:
        assert (await shown(pilot, SAMPLE, title="phase 2"))[:16] == [
            "▌phase 2  2 files, +5 -2",
            " · pending  ▾ ~ modify  one.py  +3 -2",
            " · pending  @@ -1,2 +1,2 @@ def f():",
            "    1  1   a",
            "    2    - b",
            "       2 + c",
            " · pending  @@ -40,2 +40,3 @@",
            "   40 40   x",
            "   41    - y",
            "      41 + z",
            "      42 + w",
            r"         \  No newline at end of file",
            " · pending  ▾ + create  two.py  +2 -0",
            " · pending  @@ -0,0 +1,2 @@",
            "       1 + hello",
            "       2 + world",
        ]


LINK = "diff --git a/l b/l\nnew file mode 120000\nindex 0000000..2222222\n--- /dev/null\n+++ b/l\n"
GONE = "diff --git a/g b/g\ndeleted file mode 100644\nindex e69de29..0000000\n"
RENAME = "diff --git a/a b b/c\nsimilarity index 95%\nrename from a b\nrename to c\n"
BINARY = (
    "diff --git a/p b/p\nnew file mode 100755\nindex 0000000..2222222\nGIT binary patch\n"
    "literal 1234\nAaaaaa\n\nliteral 0\nAaaaaa\n\n"
)
QUOTED = (
    'diff --git "a/\\303\\244\\033\\n" "b/\\303\\244\\033\\n"\n'
    "new file mode 100755\nindex 0000000..e69de29\n"
)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (GONE, "- delete  g  empty file"),
        (RENAME, "> rename  a b -> c  95% the same"),
        (
            "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n",
            "* mode  x  mode 100644 -> 100755",
        ),
        (
            f"{LINK}@@ -0,0 +1 @@\n+../etc/passwd\n\\ No newline at end of file\n",
            "@ symlink  l  new  -> ../etc/passwd  +1 -0",
        ),
        (
            f"diff --git a/p b/p\n{IDS} 100644\nBinary files a/p and b/p differ\n",
            "# binary  p  size not given  blob 111111111111 -> 222222222222",
        ),
        (
            BINARY,
            "# binary  p  new  mode 100755  1,234 bytes  blob 2222222",
        ),
        (
            QUOTED,
            "+ create  ä␛␊  mode 100755  empty file",
        ),
    ],
)
async def test_a_header_says_what_lines_do_not(text, header):
    app = DiffApp()
    async with app.run_test(size=(90, 8)) as pilot:
        fold = "▾" if "\n@@ " in text else " "
        assert (await shown(pilot, text))[0] == f"▌· pending  {fold} {header}"


async def test_decisions_and_marks_stand_in_the_header():
    app = DiffApp()
    async with app.run_test(size=(70, 18)) as pilot:
        await shown(pilot, SAMPLE)
        draft = Draft()
        draft.decide([Decision("one.py", "accept"), Decision("two.py", "reject", "no \x1b[1m")])
        app.view.set_draft(draft)
        app.view.set_marks({b"two.py": "changed outside \x1b[2J"})
        await pilot.pause()
        lines = app.lines()
        assert lines[0] == "▌✔ accepted ▾ ~ modify  one.py  +3 -2"
        assert lines[11] == (
            " ✘ rejected ▾ ! changed outside ␛[2J  + create  two.py  +2 -0  note: …"
        )
        assert lines[3].startswith(" ✔  2    - b")
        assert lines[13].startswith(" ✘ ")
        one = app.view.patch.files[0].hunks[0].id
        draft.decide([Decision("one.py", "reject", "why", one, first=2, last=2)])
        app.view.set_draft(draft)
        await pilot.pause()
        assert app.lines()[:4] == [
            "▌± partly   ▾ ~ modify  one.py  +3 -2",
            " ± partly   @@ -1,2 +1,2 @@ def f():  note: why",
            "    1  1   a",
            " ✘  2    - b",
        ]
        app.view.set_draft(None)
        await pilot.pause()
        assert app.lines()[0] == "▌▾ ~ modify  one.py  +3 -2"


HOSTILE = [
    b"\x1b]52;c;aGVsbG8=\x07 clipboard",
    b"\x1b[2J\x1b[H\x9b31m clear",
    "user\u202egnp.exe \u2066iso\u2069 \u200bzero".encode(),
    b"[@click=app.quit]x[/] [/foo] [bold]",
    b"\xff\xfe\x00\x7f\x85 bytes",
    b"carriage\r",
    "漢字 e\u0301 \U000e0041".encode(),
]


async def test_p11_hostile_lines_and_names_are_shown_and_do_nothing():
    app = DiffApp()
    name = rb"\033]0;x\007[@click=app.quit]y[/]"
    body = b"".join(b"+" + line + b"\n" for line in HOSTILE)
    data = (
        b'diff --git "a/%b" "b/%b"\nnew file mode 100644\nindex 0000000..2222222\n'
        b'--- /dev/null\n+++ "b/%b"\n@@ -0,0 +1,%d @@ \x1b[1m\x9b\n%b'
    ) % (name, name, name, len(HOSTILE), body)
    async with app.run_test(size=(80, 12)) as pilot:
        lines = await shown(pilot, data, title="\x1b[5m[b]t[/b]")
        await pilot.click(DiffView, offset=(30, 1))
        await pilot.click(DiffView, offset=(12, 6))
        assert app.is_running
        everything = "".join(lines)
        assert not [c for c in everything if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
        assert "␛]0;x␇[@click=app.quit]y[/]" in lines[1]
        assert lines[0] == "▌␛[5m[b]t[/b]  1 file, +7 -0"
        assert [line[9:] for line in lines[3:9]] == [
            "␛]52;c;aGVsbG8=␇ clipboard",
            r"␛[2J␛[H\x9b31m clear",
            "user⟨U+202E⟩gnp.exe ⟨U+2066⟩iso⟨U+2069⟩ ⟨U+200B⟩zero",
            "[@click=app.quit]x[/] [/foo] [bold]",
            r"\xff\xfe␀␡\x85 bytes",
            "carriage␍",
        ]
        metas = [
            segment.style.meta
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None
        ]
        assert not [meta for meta in metas if "@click" in meta]


async def test_keys_lead_by_line_page_hunk_and_file():
    app = DiffApp()
    async with app.run_test(size=(60, 8)) as pilot:
        await shown(pilot, SAMPLE)
        for key, row in [
            ("j", 1),
            ("down", 2),
            ("k", 1),
            ("up", 0),
            ("up", 0),
            ("]", 1),
            ("]", 5),
            ("]", 12),
            ("]", 12),
            ("[", 5),
            ("{", 0),
            ("}", 11),
            ("}", 11),
            ("G", 14),
            ("g", 0),
            ("end", 14),
            ("home", 0),
            ("space", 6),
            ("pagedown", 12),
            ("pageup", 6),
        ]:
            await pilot.press(key)
            assert (key, app.view.cursor_row) == (key, row)
            await pilot.pause()
            assert [line for line in app.lines() if line.startswith("▌")]


async def test_the_owner_hears_of_another_file():
    app = DiffApp()
    async with app.run_test(size=(60, 8)) as pilot:
        await shown(pilot, SAMPLE)
        await pilot.press("j", "j", "}", "j", "g")
        assert app.paths == [b"one.py", b"two.py", b"one.py"]
        assert app.view.current_path == b"one.py"
        assert app.view.current_hunk is None
        await pilot.press("]")
        assert app.view.current_hunk.heading == b"def f():"
        assert app.view.go_to_file(b"two.py")
        assert not app.view.go_to_file(b"three.py")
        assert app.view.current_path == b"two.py"
        app.view.show_empty("nothing")
        await pilot.pause()
        assert app.paths[-2:] == [b"two.py", None]


async def test_a_new_patch_keeps_the_file_one_was_in():
    app = DiffApp()
    async with app.run_test(size=(60, 8)) as pilot:
        await shown(pilot, SAMPLE)
        app.view.go_to_file(b"two.py")
        await shown(pilot, created("first", "1") + SAMPLE)
        assert app.view.current_path == b"two.py"
        await shown(pilot, created("other", "1"))
        assert (app.view.current_path, app.view.cursor_row) == (b"other", 0)


async def test_no_part_of_a_line_is_hidden_without_a_count():
    app = DiffApp()
    long, wide = "x" * 12_345 + "END", "漢" * 3_000
    async with app.run_test(size=(60, 8)) as pilot:
        lines = await shown(pilot, created("big", "short", "y" * 70, long, wide))
        assert lines[2].endswith("short")
        assert lines[3].endswith("yy…")
        assert lines[4].endswith("xx… +10,348 more")
        assert lines[5].endswith("… +2,000 more")
        await pilot.press("right", "right")
        assert app.view.scroll_offset.x == 16
        app.view.scroll_to(x=5_000, animate=False)
        await pilot.pause()
        lines = app.lines()
        assert app.view.scroll_offset.x > 1_900
        assert lines[4].startswith("     3 + xxx")
        assert lines[4].endswith("xx… +10,348 more")
        assert lines[0] == "▌· pending"


async def test_tabs_and_wide_characters_keep_the_columns():
    app = DiffApp()
    async with app.run_test(size=(40, 6)) as pilot:
        lines = await shown(pilot, created("t", "\ta\tb", "漢\tc"))
        assert lines[2] == "     1 +     a   b"
        assert lines[3].startswith("     2 + 漢")
        strips = app.screen._compositor.render_strips()
        assert {strip.cell_length for strip in strips} == {40}


async def test_messages_stand_in_for_a_patch():
    app = DiffApp()
    async with app.run_test(size=(30, 6)) as pilot:
        app.view.show_loading("Reading phase 2")
        await pilot.pause()
        assert app.lines()[1] == " … Reading phase 2"
        app.view.show_empty("No changes yet.\nPress \x1b r to run, or [b]wait[/b] a while.")
        await pilot.pause()
        assert app.lines()[1:4] == [
            " No changes yet.",
            " Press ␛ r to run, or",
            " [b]wait[/b] a while.",
        ]
        await pilot.press("j", "]", "}", "G", "n", "space")
        assert app.view.current_path is None
        assert await app.view.search("x") == 0
        await shown(pilot, "")
        assert app.view.count_rows() == 0


async def test_search_counts_rows_marks_and_goes_round():
    app = DiffApp()
    async with app.run_test(size=(60, 18)) as pilot:
        await shown(pilot, SAMPLE)
        assert await app.view.search("o") == 5  # two headers, the file's end, "hello", "world"
        assert app.view.cursor_row == 0
        rows = []
        for key in ("n", "n", "n", "n", "n", "N"):
            await pilot.press(key)
            rows.append(app.view.cursor_row)
        assert rows == [10, 11, 13, 14, 0, 14]
        assert await app.view.search("DEF") == 0
        assert await app.view.search("def") == 1
        assert app.view.cursor_row == 1
        assert await app.view.search("é") == 0
        assert await app.view.search("hello") == 1
        await pilot.pause()
        marked = [
            segment.text
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style == app.view.look("line--match") or "hello" in segment.text
        ]
        assert "hello" in marked
        assert await app.view.search("") == 0


async def test_resize_and_theme_paint_anew():
    app = DiffApp()
    async with app.run_test(size=(60, 18)) as pilot:
        before = await shown(pilot, SAMPLE)
        dark = app.screen._compositor.render_strips()[4]
        for theme in ("textual-light", "ansi-dark", "nord"):
            app.theme = theme
            await pilot.pause()
            assert app.lines() == before
            assert [s.style for s in app.screen._compositor.render_strips()[4]] != [
                s.style for s in dark
            ]
        await pilot.press("G")
        await pilot.resize_terminal(30, 6)
        await pilot.pause()
        assert app.lines()[-1].startswith("▌")
        assert {strip.cell_length for strip in app.screen._compositor.render_strips()} == {30}


async def test_the_mouse_selects_text_without_its_gutter():
    app = DiffApp()
    async with app.run_test(size=(60, 18)) as pilot:
        await shown(pilot, SAMPLE)
        await pilot.mouse_down(DiffView, offset=Offset(11, 13))
        await pilot.hover(DiffView, offset=Offset(14, 14))
        await pilot.mouse_up(DiffView, offset=Offset(14, 14))
        await pilot.pause()
        selected = app.screen.get_selected_text()
        assert selected is not None
        assert selected.split("\n")[0] == "hello"
        assert "world".startswith(selected.split("\n")[1])


async def test_a_hundred_thousand_lines_cost_only_the_rows_in_sight():
    """Counted, not timed: rows drawn, not seconds."""
    drawn: list[int] = []

    class Counting(DiffView):
        def draw_row(self, row):
            drawn.append(row)
            return super().draw_row(row)

    class CountingApp(DiffApp):
        def compose(self):
            yield Counting()

    app = CountingApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.view.focus()
        await pilot.pause()
        drawn.clear()
        await shown(pilot, created("big", *map(str, range(100_000))))
        assert len(drawn) <= 25
        await pilot.press("G")
        await pilot.pause()
        drawn.clear()
        await pilot.press("g")
        await pilot.pause()
        assert len(drawn) <= 1  # the old strips are still there
        assert app.lines()[2].endswith("+ 0")
