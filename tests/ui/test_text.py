r"""P11: what is shown is safe to show."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.ui import text

FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
ANY_TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=200)


def test_p11_no_control_format_or_separator_character_survives_at_all():
    """Each of the 1.1 million code points, against Python's own Unicode tables."""
    for start in range(0, 0x110000, 0x1000):
        chunk = "".join(map(chr, range(start, start + 0x1000)))
        shown = text.visible(chunk)
        assert not [hex(ord(c)) for c in shown if unicodedata.category(c) in FORBIDDEN]


@given(ANY_TEXT)
def test_p11_output_is_clean_and_comes_back_unchanged(raw):
    shown = text.visible(raw)
    assert not {unicodedata.category(c) for c in shown} & FORBIDDEN
    assert text.visible(shown) == shown
    shown.encode("utf-8")  # no surrogate is left to break a terminal


@given(ANY_TEXT)
def test_lines_keep_only_the_line_end(raw):
    shown = text.visible(raw, lines=True)
    assert not {unicodedata.category(c) for c in shown if c != "\n"} & FORBIDDEN
    assert shown.replace("\n", "␊") == text.visible(raw)
    assert text.visible(shown, lines=True) == shown


@given(st.binary(max_size=300))
def test_any_bytes_are_safe_and_those_that_are_no_text_are_spelt_out(data):
    shown = text.safe(data)
    assert not {unicodedata.category(c) for c in shown} & FORBIDDEN
    assert "\ufffd" not in shown or "\ufffd".encode() in data


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_left_alone(plain):
    assert text.safe(plain) == plain == text.safe(plain.encode())


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x1b[2J\x1b[H", "␛[2J␛[H"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("a\r\nb\x7f\0", "a␍␊b␡␀"),
        ("a\tb", "a    b"),
        ("user\u202egnp.exe", "user⟨U+202E⟩gnp.exe"),
        ("\u2066x\u2069 \u200bz\ufeff", "⟨U+2066⟩x⟨U+2069⟩ ⟨U+200B⟩z⟨U+FEFF⟩"),
        ("hi\U000e0041\U000e007f", "hi⟨U+E0041⟩⟨U+E007F⟩"),
        ("x\ufe0f\u3164y", "x⟨U+FE0F⟩⟨U+3164⟩y"),
        ("\u2028", "⟨U+2028⟩"),
        ("\ud800 \udcff", r"⟨U+D800⟩ \xff"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
        (b"caf\xc3\xa9 \xff\xc3", r"café \xff\xc3"),
        (b"\xc2\x85\xed\xa0\x80", r"⟨U+0085⟩\xed\xa0\x80"),
        ("漢字 e\u0301 ✔", "漢字 e\u0301 ✔"),
    ],
)
def test_hostile_text_is_shown_and_does_nothing(raw, shown):
    assert text.safe(raw) == shown


@given(ANY_TEXT, st.integers(-1, 30))
def test_a_cut_fits_and_says_that_it_cut(raw, width):
    shown = text.visible(raw)
    cut = text.cell_cut(shown, width)
    assert text.cell_width(cut) <= max(width, 0)
    assert cut == shown or width <= 0 or cut.endswith("…")


def test_wide_characters_are_cut_by_cells():
    assert text.cell_cut("漢字漢字", 8) == "漢字漢字"
    assert text.cell_cut("漢字漢字", 7) == "漢字漢…"
    assert text.cell_cut("漢字漢字", 6) == "漢字 …"
    assert text.cell_cut("hello", 4) == "hel…"


def test_plain_output_can_use_it_without_loading_the_screen():
    code = (
        "import sys, clubos_tui.ui.text; print({'rich', 'textual'} & {m[:7] for m in sys.modules})"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
