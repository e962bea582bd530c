"""What hides a command to psql from a reader that takes texts for something else (P8)."""

import pytest

from clubos_tui.checks import psql


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Only a letter E of its own begins a text with escapes; at the end of a name it is a name.
        ("select date'\\' \\! x '", "\\!"),
        ("select n_e'\\' \\! x '", "\\!"),
        ("select 1e'\\' \\! x '", "\\!"),
        ("select \N{LATIN SMALL LETTER E WITH ACUTE}e'\\' \\! x '", "\\!"),
        # A dollar belongs to a name that it stands in.
        ("select a$$ \\! x $$", "\\!"),
        ("select a$b$ \\! x $b$", "\\!"),
        # A setting by which a backslash ends no text, or does.
        ("set standard_conforming_strings = off", "standard_conforming_strings"),
        ("SET Standard_Conforming_Strings TO off", "Standard_Conforming_Strings"),
        ("select set_config('standard_conforming_strings', 'off', false)", "standard_conforming"),
    ],
)
def test_p8_a_command_in_what_only_looks_like_a_text_is_found(text, found):
    rows = list(psql.commands(f"select 1;\n{text}\n"))
    assert [line for line, _ in rows] == [2]
    assert rows[0][1].startswith(found)


@pytest.mark.parametrize(
    "text",
    [
        "select E'\\' \\! x'", "select(e'\\'\\!')", "select $$ \\! $$", "select $a$ \\! $$ $a$",
        "select x like 'a\\%' escape '\\'", "select 'a'';' || \"b\\\"", "-- it's \\! a comment",
        "-- standard_conforming_strings is on", "create function f() returns int as $f$ \\d $f$;",
    ],
)  # fmt: skip
def test_what_a_server_alone_reads_is_none(text):
    assert list(psql.commands(text)) == []
