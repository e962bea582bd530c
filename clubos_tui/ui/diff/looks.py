"""The component classes of a diff and how they look; themes and 16-colour terminals included."""

from __future__ import annotations

from typing import Final

__all__ = ["CLASSES", "LOOKS"]

_NAMES = (
    "title", "file", "pending", "accepted", "rejected", "partly", "outside", "hunk", "hunk-warn",
    "hunk-pending", "hunk-accepted", "hunk-rejected", "hunk-partly", "context", "extra", "nothing",
    "added", "removed", "sign-added", "sign-removed", "word-added", "word-removed",
    "row-accepted", "row-rejected", "selected", "number", "note",
    "syntax-keyword", "syntax-string", "syntax-comment", "syntax-number", "syntax-function",
    "syntax-type", "syntax-operator", "syntax-name",
)  # fmt: skip

CLASSES: Final = {f"diff--{name}" for name in _NAMES}

LOOKS: Final = """
DiffView {
    & > .diff--title { text-style: bold; }
    & > .diff--file { background: $panel; text-style: bold; }
    & > .diff--pending { background: $panel; color: $text-muted; }
    & > .diff--accepted { background: $panel; color: $text-success; text-style: bold; }
    & > .diff--rejected { background: $panel; color: $text-error; text-style: bold; }
    & > .diff--partly { background: $panel; color: $text-warning; text-style: bold; }
    & > .diff--outside { background: $panel; color: $text-warning; text-style: bold; }
    & > .diff--hunk { color: $text-accent; }
    & > .diff--hunk-warn { color: $text-warning; }
    & > .diff--hunk-pending { color: $text-muted; }
    & > .diff--hunk-accepted { color: $text-success; text-style: bold; }
    & > .diff--hunk-rejected { color: $text-error; text-style: bold; }
    & > .diff--hunk-partly { color: $text-warning; text-style: bold; }
    & > .diff--extra { color: $text-muted; }
    & > .diff--nothing { background: $foreground 4%; }
    & > .diff--added { background: $success 12%; }
    & > .diff--removed { background: $error 12%; }
    & > .diff--sign-added { background: $success 12%; color: $text-success; text-style: bold; }
    & > .diff--sign-removed { background: $error 12%; color: $text-error; text-style: bold; }
    & > .diff--word-added { background: $success 36%; text-style: bold; }
    & > .diff--word-removed { background: $error 36%; text-style: bold; }
    & > .diff--row-accepted { color: $text-success; text-style: bold; }
    & > .diff--row-rejected { color: $text-error; text-style: bold; }
    & > .diff--selected { background: $primary; color: $text; text-style: bold; }
    & > .diff--number { color: $text-muted; }
    & > .diff--note { color: $text-muted; text-style: italic; }
    & > .diff--syntax-keyword { color: $text-accent; }
    & > .diff--syntax-string { color: $text-success; }
    & > .diff--syntax-comment { color: $text-muted; text-style: italic; }
    & > .diff--syntax-number { color: $text-warning; }
    & > .diff--syntax-function { color: $text-primary; }
    & > .diff--syntax-type { color: $text-secondary; }
    &:ansi {
        & > .diff--file, & > .diff--pending, & > .diff--partly { background: ansi_default; }
        & > .diff--file { text-style: bold underline; color: ansi_default; }
        & > .diff--pending { color: ansi_default; }
        & > .diff--accepted { background: ansi_default; color: ansi_green; }
        & > .diff--rejected { background: ansi_default; color: ansi_red; }
        & > .diff--partly { color: ansi_yellow; }
        & > .diff--outside { background: ansi_default; color: ansi_yellow; }
        & > .diff--hunk { color: ansi_cyan; }
        & > .diff--hunk-warn, & > .diff--hunk-partly { color: ansi_yellow; }
        & > .diff--hunk-pending { color: ansi_default; }
        & > .diff--hunk-accepted, & > .diff--row-accepted { color: ansi_green; }
        & > .diff--hunk-rejected, & > .diff--row-rejected { color: ansi_red; }
        & > .diff--extra { color: ansi_default; text-style: dim; }
        & > .diff--nothing { background: ansi_default; }
        & > .diff--added { background: ansi_default; color: ansi_green; }
        & > .diff--removed { background: ansi_default; color: ansi_red; }
        & > .diff--sign-added { background: ansi_default; color: ansi_green; }
        & > .diff--sign-removed { background: ansi_default; color: ansi_red; }
        & > .diff--word-added { background: ansi_default; color: ansi_green; }
        & > .diff--word-removed { background: ansi_default; color: ansi_red; }
        & > .diff--word-added, & > .diff--word-removed { text-style: bold underline; }
        & > .diff--selected { background: ansi_default; text-style: bold reverse; }
        & > .diff--number { color: ansi_default; text-style: dim; }
        & > .diff--note { color: ansi_default; text-style: dim; }
        & > .diff--syntax-keyword { color: ansi_magenta; }
        & > .diff--syntax-string { color: ansi_yellow; }
        & > .diff--syntax-comment { color: ansi_default; text-style: dim; }
        & > .diff--syntax-number { color: ansi_cyan; }
        & > .diff--syntax-function { color: ansi_blue; }
        & > .diff--syntax-type { color: ansi_cyan; }
    }
}
"""
