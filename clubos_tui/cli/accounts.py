"""``clubos report``: a run as a readable account, in Markdown or HTML."""

from __future__ import annotations

import html
import os
import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator

from clubos_tui.cli.opened import run_of, session_of
from clubos_tui.cli.output import pour, say
from clubos_tui.disk import write_all
from clubos_tui.engine.account import Block, Facts, Heading, Rows, Words, account
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.errors import UsageError
from clubos_tui.events import RunId
from clubos_tui.ui.text import safe

__all__ = ["as_html", "as_markdown", "report"]

# What acts wherever it stands, and what acts at the beginning of a line.
_MARKS = re.compile(r"([\\`*_\[\]<>|~&])")
_FIRST = re.compile(r"^(\d*)([#+\-.)])")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #8884;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}dt{font-weight:600}"
    "dd{margin:0 0 .4rem;overflow-wrap:anywhere}"
)


def report(options: Namespace) -> int:
    """Write the account of a run, the present one or one that is named."""
    with session_of(options) as session:
        run = _named(session, options.run)
        text = (as_html if options.html else as_markdown)(account(run.journal.load()))
        data = text.encode("utf-8", "backslashreplace")
        if options.output:
            fd = os.open(
                options.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644
            )
            try:
                write_all(fd, data)
            finally:
                os.close(fd)
            say(f"The account of run {run.id} is in {options.output}", to_error=True)
        elif sys.stdout is not None:
            pour(data)
    return 0


def _named(session: Session, name: str | None) -> Run:
    if name is None:
        return run_of(session)
    if name not in session.runs():
        raise UsageError(
            f"there is no run {name} in this repository",
            untouched="Nothing was written.",
            cure=f"Those there are: {', '.join(session.runs()) or 'none'}",
        )
    return session.run(RunId(name))


# --- Markdown -----------------------------------------------------------------------------------


def as_markdown(blocks: Iterable[Block]) -> str:
    """Return blocks as Markdown; no text in them can act as a mark of it."""
    return "\n".join(line for block in blocks for line in _marked(block))


def _marked(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_plain(block.text)}"
        case Words():
            yield _FIRST.sub(r"\1\\\2", _plain(block.text))
        case Facts():
            yield from (f"- **{_plain(name)}**: {_plain(text)}" for name, text in block.rows)
        case Rows():
            yield f"| {' | '.join(map(_plain, block.head))} |"
            yield f"|{' --- |' * len(block.head)}"
            yield from (f"| {' | '.join(map(_plain, row))} |" for row in block.rows)
    yield ""


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(safe(text, lines=True).split()))


# --- HTML ---------------------------------------------------------------------------------------


def as_html(blocks: Iterable[Block]) -> str:
    """Return blocks as one page that needs nothing else; no text in them can act in it."""
    body = "\n".join(line for block in blocks for line in _tagged(block))
    head = f'<meta charset="utf-8"><title>clubos report</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _tagged(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"<h{block.level}>{_text(block.text)}</h{block.level}>"
        case Words():
            yield f"<p>{_text(block.text)}</p>"
        case Facts():
            rows = "".join(
                f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in block.rows
            )
            yield f"<dl>{rows}</dl>"
        case Rows():
            cells = "".join(f"<th>{_text(name)}</th>" for name in block.head)
            yield f"<table><thead><tr>{cells}</tr></thead><tbody>"
            for row in block.rows:
                yield f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>"
            yield "</tbody></table>"


def _text(text: str) -> str:
    return html.escape(" ".join(safe(text, lines=True).split()))
