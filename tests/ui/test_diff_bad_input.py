"""What nobody sane writes, on the screen: never a crash, never a changed line out of reach."""

import unicodedata

import pytest
from ui.test_diff_view import DiffApp, created, modified, patch, shown

from clubos_tui.changes.decisions import Draft
from clubos_tui.changes.patch import format as text_of
from clubos_tui.changes.patch import parse

LINES = [
    b"caf\xc3\xa9 \xff\xfe bad",
    b"lone\rreturn\r",
    b"\0nul\0",
    "right\u202eleft\u2066iso".encode(),
    "e\u0301\u0301\u0301 zero\u200bwidth\u200d".encode(),
    ("x" * 50 + "👨‍👩‍👧" + "漢" * 40).encode(),
    b"\x1b]8;;http://x\x07link\x1b]8;;\x07\x1b[31m\x9b1m",
    b"[bold]x[/bold] [@click=app.quit]y[/] [/nothing] {x} %s",
    b"\t\t \t",
    b"a" * 3_000_000,
]


def hostile() -> bytes:
    """Each line replaced by another, so that words, blanks and pairs are looked at as well."""
    old = [b"-" + line + b"!" for line in LINES]
    new = [b"+" + line + b"?" for line in LINES]
    count = len(LINES)
    head = modified("bad.py").encode()
    body = b"\n".join([*old, *new])
    return head + b"@@ -1,%d +1,%d @@ \x1b[2J[b]\n%b\n" % (count, count, body)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("wrap", [False, True])
async def test_p11_hostile_lines_are_all_within_reach_and_do_nothing(split, wrap):
    data = hostile()
    app = DiffApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot, data)
        if split:
            app.view.toggle_split()
        if wrap:
            app.view.toggle_wrap()
        await pilot.pause()
        everything = []
        for _ in range(200):
            before = app.view.cursor_row
            everything += app.lines()
            await pilot.press("pagedown")
            await pilot.pause()
            if app.view.cursor_row == before:
                break
        assert not [c for c in "".join(everything) if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
        seen, total = app.view.seen.count()
        assert seen == total == 2 * len(LINES)
        assert any("more" in line for line in everything), "a long line says how much is left"
        strips = app.screen._compositor.render_strips()
        assert {strip.cell_length for strip in strips} == {100}


@pytest.mark.parametrize("split", [False, True])
async def test_a_terminal_that_shrinks_to_nothing_and_grows_again_keeps_its_place(split):
    app = DiffApp()
    lines = [f"line {number} {'x' * 70}" for number in range(60)]
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, created("a.py", *lines))
        if split:
            app.view.toggle_split()
        app.view.toggle_wrap()
        app.view.go_to(30)
        before = app.view.place
        for width, height in ((20, 5), (1, 1), (200, 60), (20, 5), (120, 40)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        after = app.view.place
        assert (after.kind, after.row) == (before.kind, before.row)
        assert app.view.go_to_file(b"a.py")


async def test_a_diff_that_changes_while_it_is_open_keeps_the_file():
    app = DiffApp()
    async with app.run_test(size=(80, 12)) as pilot:
        await shown(pilot, created("a", "1") + created("b", "2", "3"))
        app.view.go_to_file(b"b")
        app.view.action_hunk(1)
        app.view.start_range()
        app.view.show(patch(created("b", "other")))
        app.view.set_draft(Draft())
        await pilot.pause()
        assert app.view.current_path == b"b"
        assert app.view.selected is None
        app.view.show_loading("again")
        await pilot.pause()
        await pilot.press("v", "enter", "]", "}", "j", "pagedown")
        app.view.show(patch(""))
        assert not app.view.go_to_pending()
        assert app.view.seen.count() == (0, 0)


def test_many_thousand_files_are_laid_out_without_a_row_for_each_line():
    """Counted: blocks, not seconds."""
    from clubos_tui.ui.diff.layout import Layout, Options

    text = "".join(
        f"diff --git a/f{n} b/f{n}\nold mode 100644\nnew mode 100755\n" for n in range(20_000)
    )
    read = parse(text.encode())
    layout = Layout(read, Options(title=True))
    assert layout.rows == 20_001
    assert layout.at(20_000).file == 19_999
    assert text_of(read) == text.encode()
