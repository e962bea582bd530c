r"""The one choke point that makes any text safe to show (P11).

Text from an agent, a file or a file name may hold escape sequences, bidi overrides, invisible
characters or bytes that are no text at all. Textual and a terminal pass all of them on; here each
becomes a visible symbol that does nothing:

    ESC → ␛   NUL → ␀   CR → ␍   U+0085 → ⟨U+0085⟩   U+202E → ⟨U+202E⟩   byte 0xFF → \xff

Replacing keeps no state, so it is as safe on a fragment of a stream as on the whole. Nothing here
knows markup: show the result with ``markup=False``, as ``Content(text)`` or as a ``Segment``.
Plain output uses it too, so this module imports neither textual nor rich.
"""

import re

__all__ = ["TAB", "cell_cut", "cell_width", "decode", "safe", "visible"]

TAB = 4
"""Columns between two tab stops, and the number of spaces shown for a tab that nobody expanded."""

# Cc, Cf, Cs, Zl, Zp and all that Unicode lets a renderer ignore (fillers, variation selectors,
# tags): what can't be seen can't be reviewed. A test compares this with the Unicode tables.
_ASCII = r"\x00-\x09\x0b-\x1f\x7f"
_BEYOND = (
    r"\x80-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
)
# (is ASCII, keeps line ends) → what to replace; the small ASCII class scans four times as fast.
_UNSAFE = {
    (True, False): re.compile(rf"[\n{_ASCII}]+"),
    (True, True): re.compile(rf"[{_ASCII}]+"),
    (False, False): re.compile(rf"[\n{_ASCII}{_BEYOND}]+"),
    (False, True): re.compile(rf"[{_ASCII}{_BEYOND}]+"),
}


class _Symbols(dict[int, str]):
    """Code point → visible symbol, made when first needed."""

    def __missing__(self, code: int) -> str:
        if code == 0x09:
            symbol = " " * TAB
        elif code < 0x20:
            symbol = chr(0x2400 + code)
        elif code == 0x7F:
            symbol = "␡"
        elif (
            0xDC80 <= code <= 0xDCFF
        ):  # how os.fsdecode and surrogateescape carry a byte that is no UTF-8
            symbol = f"\\x{code - 0xDC00:02x}"
        else:
            symbol = f"⟨U+{code:04X}⟩"
        self[code] = symbol
        return symbol


_SYMBOLS = _Symbols()
_SYMBOLS[0x0A] = "␊"


def _symbols(match: re.Match[str]) -> str:
    return match[0].translate(_SYMBOLS)


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return `text` with every control, format and invisible character as a visible symbol.

    Args:
        text: Any string, lone surrogates included.
        lines: True keeps ``\n``; otherwise it becomes ␊ and the result is a single line.

    A tab becomes `TAB` spaces; who wants tab stops expands them first. Safe text is unchanged.
    """
    plain = text.isascii()
    if plain and text.isprintable():
        return text
    return _UNSAFE[plain, lines].sub(_symbols, text)


def decode(data: bytes) -> str:
    r"""Return `data` as UTF-8 text, each byte that is none as ``\xNN``; controls stay in it."""
    return data.decode("utf-8", "backslashreplace")


def safe(data: bytes | str, *, lines: bool = False) -> str:
    """Return `data` decoded where needed and made visible: fit for a screen, a title or a pipe."""
    return visible(decode(data) if isinstance(data, bytes) else data, lines=lines)


def cell_width(text: str) -> int:
    """Return the number of terminal cells that safe `text` takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cell_cut(text: str, width: int) -> str:
    """Return safe `text` in at most `width` cells; the last is … where something was cut."""
    if width <= 0:
        return ""
    if cell_width(text) <= width:
        return text
    from rich.cells import set_cell_size

    # A wide character on the edge leaves a cell that rich fills with a space.
    return set_cell_size(text, width - 1) + "…"
