"""Rows and patch: every changed line stands on the screen once, however it is laid out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clubos_tui.changes.patch import ADDED, REMOVED, parse
from clubos_tui.ui.diff.layout import Layout, Options, extras
from clubos_tui.ui.diff.lines import height, line_of, pieces
from clubos_tui.ui.text import cell_width

LINES = st.sampled_from(["a", "", "x" * 30, "漢字" * 9, "\tb", "y" * 61])


@st.composite
def patches(draw):
    """A patch of several files and hunks, as git writes them."""
    out = []
    for number in range(draw(st.integers(1, 4))):
        out.append(f"diff --git a/f{number} b/f{number}\nindex 1111..2222 100644\n")
        out.append(f"--- a/f{number}\n+++ b/f{number}\n")
        line = shift = 0
        for _ in range(draw(st.integers(1, 3))):
            line += draw(st.integers(5, 9))
            old = draw(st.lists(LINES, max_size=4))
            new = draw(st.lists(LINES, min_size=not old, max_size=4))
            counts = f"-{line},{len(old) + 2} +{line + shift},{len(new) + 2}"
            out.append(f"@@ {counts} @@\n first\n")
            out += [f"-{text}\n" for text in old] + [f"+{text}\n" for text in new] + [" last\n"]
            line += len(old) + 2
            shift += len(new) - len(old)
    return parse("".join(out).encode())


def heights(patch, width):
    def of(left, right):
        return max(height(patch.lines[row][1:], width) for row in (left, right) if row >= 0)

    return of


@settings(max_examples=80, deadline=None)
@given(patches(), st.booleans(), st.sampled_from([0, 8, 20]), st.booleans(), st.data())
def test_p11_every_row_of_the_patch_is_on_the_screen_and_found_again(
    patch, split, width, title, data
):
    ids = [hunk.id for file in patch.files for hunk in file.hunks]
    context = {hunk: (data.draw(st.integers(0, 4)),) * 2 for hunk in ids[:2]}
    layout = Layout(
        patch,
        Options(
            title=title,
            split=split,
            context=context,
            lines=dict.fromkeys(range(len(patch.files)), 60),
            heights=heights(patch, width) if width else None,
        ),
    )
    places = [layout.at(row) for row in range(layout.rows)]
    shown = {row for place in places if place.kind in ("row", "pair")
             for row in (place.row, place.right) if row >= 0}  # fmt: skip
    assert shown == set(range(len(patch.lines)))
    for f, file in enumerate(patch.files):
        assert places[layout.file_rows[f]][:2] == ("file", f)
        for h, hunk in enumerate(file.hunks):
            at = layout.hunk_row(f, h)
            assert places[at][:3] == ("hunk", f, h)
            for row in hunk.rows:
                place = places[layout.row_of(f, h, row)]
                assert row in (place.row, place.right)
                assert place.part == 0
    assert [row for row, place in enumerate(places) if place.kind == "hunk"] == list(
        layout.hunk_rows
    )


@settings(max_examples=40, deadline=None)
@given(patches(), st.data())
def test_what_is_folded_is_a_header_and_the_rest_stays(patch, data):
    files = data.draw(st.sets(st.sampled_from(range(len(patch.files)))))
    hunks = [hunk.id for file in patch.files for hunk in file.hunks]
    folded = data.draw(st.sets(st.sampled_from(hunks)))
    layout = Layout(patch, Options(folded_files=files, folded_hunks=folded))
    shown = {place.row for row in range(layout.rows)
             if (place := layout.at(row)).kind == "row"}  # fmt: skip
    expected = {
        row
        for f, file in enumerate(patch.files)
        for hunk in file.hunks
        for row in hunk.rows
        if f not in files and hunk.id not in folded
    }
    assert shown == expected
    assert len(layout.file_rows) == len(patch.files)


@given(patches(), st.integers(0, 9), st.integers(0, 9))
def test_unchanged_lines_are_shown_at_most_once_and_never_beyond_the_file(patch, above, below):
    for file in patch.files:
        total = file.hunks[-1].new_start + file.hunks[-1].new_count + 3
        wanted = {hunk.id: (above, below) for hunk in file.hunks}
        lines = []
        for hunk, (upper, lower) in zip(file.hunks, extras(file, wanted, total), strict=True):
            lines += range(upper.start, upper.start + upper.count)
            lines += range(hunk.new_start, hunk.new_start + hunk.new_count)
            lines += range(lower.start, lower.start + lower.count)
            assert upper.shift == hunk.old_start - hunk.new_start
        assert lines == sorted(set(lines))
        assert not lines or (lines[0] >= 1 and lines[-1] <= total)


@given(st.text(max_size=80), st.integers(2, 30))
def test_a_wrapped_line_is_whole_and_no_part_is_too_wide(text, width):
    parts = pieces(text, width)
    assert "".join(text[start:end] for start, end in parts) == text
    assert all(cell_width(text[start:end]) <= width for start, end in parts)


def test_a_change_of_blanks_alone_is_made_visible():
    """P11: tabs for spaces, blanks at an end, and line ends would look the same."""
    tabs = line_of(b"\tx = 1", ADDED, b"    x = 1")
    assert (tabs.text, tabs.blanks) == ("→   x·=·1", True)
    assert line_of(b"    x = 1", REMOVED, b"\tx = 1").text == "····x·=·1"
    tail = line_of(b"x = 1  ", ADDED, None)
    assert (tail.text, tail.trailing) == ("x = 1··", 5)
    assert line_of(b"x\r", ADDED, b"x").text == "x␍"
    assert line_of(b"x = 2", ADDED, b"x = 1").text == "x = 2"
