"""Redaction: keys and tokens never enter log or stream; what is applied is never touched."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = [
    "REDACTED",
    "keep_secret",
    "may_hold_secret",
    "redact",
    "redact_all",
    "redact_words",
    "unfinished",
]

# Keys and tokens as their makers write them. Redaction is for log and stream only; what is
# applied is never touched.
_SECRET = re.compile(
    rb"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}"
    rb"|xox[abpr]-[0-9A-Za-z-]{10,})"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)",
    re.DOTALL,
)
# The fields that hold somebody's words. All others are paths, ids and names by which things are
# found again: a redacted path would be another file.
_WORDS = frozenset(
    {"cure", "detail", "error", "evidence", "note", "reason", "refused", "result", "steps",
     "summary", "text", "title", "tools", "untouched"}
)  # fmt: skip
# One of these stands in every text that `_SECRET` finds, also after JSON has escaped it.
_TRACES = (b"sk-", b"AKIA", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"xox", b"PRIVATE KEY")
REDACTED = b"[redacted]"
_known: tuple[bytes, ...] = ()
_SHORTEST = 8  # characters; a shorter value would be found in anybody's words


def keep_secret(value: str) -> None:
    """Have a value redacted wherever it comes up from now on, whatever it looks like."""
    global _known  # noqa: PLW0603 - another thread may be reading it, so it is replaced as a whole
    if len(value) >= _SHORTEST:
        found = {*_known, value.encode("utf-8", "surrogateescape")}
        _known = tuple(sorted(found, key=len, reverse=True))  # one may be the beginning of another


def redact(text: bytes) -> bytes:
    """Return ``text`` with keys and tokens replaced; the one choke point for log and stream."""
    for value in _known:
        text = text.replace(value, REDACTED)
    return _SECRET.sub(REDACTED, text)


def unfinished(text: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a known value."""
    longest = 0
    for value in _known:
        whole = value.decode("utf-8", "surrogateescape")
        for length in range(min(len(whole) - 1, len(text)), longest, -1):
            if text.endswith(whole[:length]):
                longest = length
                break
    return longest


def may_hold_secret(text: bytes) -> bool:
    """Tell, quickly, whether a JSON text may hold what :func:`redact` would replace."""
    return any(map(text.__contains__, _TRACES)) or any(
        json.dumps(value.decode("utf-8", "surrogateescape"))[1:-1].encode() in text
        for value in _known
    )


def redact_all(data: Any) -> Any:
    """Return JSON values with every text in them redacted."""
    if isinstance(data, dict):
        return {key: redact_all(item) for key, item in data.items()}
    if isinstance(data, list):
        return [redact_all(item) for item in data]
    return redact_words(data, words=True)


def redact_words(data: Any, *, words: bool = False) -> Any:
    """Return JSON values with somebody's words redacted, and paths, ids and names as they are."""
    if isinstance(data, str):
        raw = data.encode("utf-8", "surrogatepass")
        return redact(raw).decode("utf-8", "surrogatepass") if words else data
    if isinstance(data, list):
        return [redact_words(item, words=words) for item in data]
    if isinstance(data, dict):
        return {key: redact_words(item, words=key in _WORDS) for key, item in data.items()}
    return data
