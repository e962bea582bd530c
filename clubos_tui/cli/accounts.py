"""``clubos report``: a run as a readable account, in Markdown, HTML or JSON."""

from __future__ import annotations

import html
import json
import os
import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator

from clubos_tui.cli.auditing import audit_json
from clubos_tui.cli.opened import named_run, session_of
from clubos_tui.cli.output import pour, say
from clubos_tui.codec import Json
from clubos_tui.disk import write_all
from clubos_tui.engine import audit
from clubos_tui.engine.account import (
    Block,
    Facts,
    Heading,
    Quote,
    Rows,
    Words,
    account,
    audited,
)
from clubos_tui.ui.text import safe

__all__ = ["as_html", "as_json", "as_markdown", "report"]

# What acts wherever it stands, and what acts at the beginning of a line.
_MARKS = re.compile(r"([\\`*_\[\]<>|~&$])")
_FIRST = re.compile(r"^(\d+(?=[.)])|(?=[#+\-=]))")
_ESCAPED = r"\1\\"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24;background:#fff}h1{line-height:1.2}h2{margin-top:3rem;border-bottom:1px solid "
    "#8886;padding-bottom:.2rem}h3{margin-top:2rem}.wide{overflow-x:auto;margin:1rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{border:1px solid #8884;"
    "padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:break-word}"
    "th{background:#8881;white-space:nowrap}dl{display:grid;"
    "grid-template-columns:minmax(8rem,max-content) 1fr;gap:.2rem 1rem}dt{font-weight:600}"
    "dd{margin:0;overflow-wrap:anywhere}blockquote{margin:.5rem 0;padding:.3rem 1rem;"
    "border-left:3px solid #8886;white-space:pre-wrap;overflow-wrap:anywhere}"
    "@media print{h2{break-before:page}body{font-size:11px;margin:0}}"
)
# The page may load nothing and run nothing, whatever gets into it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report(options: Namespace) -> int:
    """Write the account of a run, the present one or one that is named."""
    with session_of(options) as session:
        run = named_run(session, options.run)
        found = audit.verify(session, run)
        blocks = [*account(run.journal.load()), *audited(found)]
        if options.json:
            told = {"run": run.id, "sections": as_json(blocks), "audit": audit_json(found)}
            text = json.dumps(told, ensure_ascii=True) + "\n"
        else:
            text = (as_html if options.html else as_markdown)(blocks)
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


# --- Markdown -----------------------------------------------------------------------------------


def as_markdown(blocks: Iterable[Block]) -> str:
    """Return blocks as Markdown; no text in them can act as a mark of it."""
    return "\n".join(line for block in blocks for line in _marked(block))


def _marked(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_plain(block.text)}"
        case Words():
            yield _FIRST.sub(_ESCAPED, _plain(block.text))
        case Quote():
            for line in safe(block.text, lines=True).split("\n"):
                yield f"> {_FIRST.sub(_ESCAPED, _plain(line))}".rstrip()
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
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width"><title>clubos report</title>'
        f"<style>{_STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _tagged(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"<h{block.level}>{_text(block.text)}</h{block.level}>"
        case Words():
            yield f"<p>{_text(block.text)}</p>"
        case Quote():
            yield f"<blockquote>{html.escape(safe(block.text, lines=True))}</blockquote>"
        case Facts():
            rows = "".join(
                f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in block.rows
            )
            yield f"<dl>{rows}</dl>"
        case Rows():
            cells = "".join(f"<th>{_text(name)}</th>" for name in block.head)
            yield f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>'
            for row in block.rows:
                yield f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>"
            yield "</tbody></table></div>"


def _text(text: str) -> str:
    return html.escape(" ".join(safe(text, lines=True).split()))


# --- JSON ---------------------------------------------------------------------------------------


def as_json(blocks: Iterable[Block]) -> list[Json]:
    """Return blocks as sections, each with its heading and what stands below it, in order."""
    out: list[Json] = []
    for block in blocks:
        if isinstance(block, Heading):
            out.append({"title": block.text, "level": block.level, "content": []})
        else:
            out[-1]["content"].append(_value(block))
    return out


def _value(block: Words | Quote | Facts | Rows) -> Json:
    match block:
        case Words():
            return {"words": block.text}
        case Quote():
            return {"quote": block.text}
        case Facts():
            return {"facts": [{"name": name, "value": text} for name, text in block.rows]}
        case Rows():
            return {"table": [dict(zip(block.head, row, strict=True)) for row in block.rows]}
