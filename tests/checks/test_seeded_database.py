"""Faults in the schema of the built-in plan: found on a real server, with their line (P7)."""

from __future__ import annotations

import dataclasses
import re
import shutil

import pytest
from checks.seeding import Of, Seeded
from support import built_in
from support.postgres import cluster

from clubos_tui import checks
from clubos_tui.checks.servers import binaries
from clubos_tui.workspace.sandbox.box import program

needs_server = pytest.mark.skipif(
    not (program() and binaries()), reason="bubblewrap or PostgreSQL is not installed"
)
FOLDER = "clubos/database"
UP, DOWN = (f"{FOLDER}/migrations/0003_bookings.{way}.sql" for way in ("up", "down"))
KNOWLEDGE = f"{FOLDER}/migrations/0005_knowledge.up.sql"
SEEDS = f"{FOLDER}/seeds/club.sql"

# A server names the line in which a statement ends.
ON_A_SERVER = (
    Of(2, "migrations go up, down and up again")
    .add(UP, "  bay_id integer", "  bay_id intege", 'type "intege" does not exist',
         at=(UP, ");\n\ncreate index"))
    .add(UP, "references bays (id)", "references bay (id)", 'relation "bay" does not exist',
         at=(UP, ");\n\ncreate index"))
    .add(SEEDS, "('harbour', 'Harbour Street', 'Europe/London'", "('harbour', 'x', null",
         'null value in column "timezone"', at=(SEEDS, "on conflict (code)"))
    .add(UP, "create index bookings_starts_at_idx", "create index bookings_member_idx",
         "already exists")
    .add(KNOWLEDGE, "create type proposal_kind", "create type proposal_kinds",
         'type "proposal_kind" does not exist', line=50)
    .rows
)  # fmt: skip
NOT_RESTORED = {
    "a type stays": (DOWN, "drop type booking_status;\n", "", "+CREATE TYPE public.booking_status"),
    "a table stays": (
        f"{FOLDER}/migrations/0006_audit_log.down.sql", "drop table audit_log;", "", "audit_log"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def running():
    """One server for all of them: each has its own database on it."""
    if not binaries():
        pytest.skip("PostgreSQL is not installed")
    with cluster() as found:
        yield found


@pytest.fixture
def judge(running, tmp_path, monkeypatch, home):
    monkeypatch.delenv("CLUBOS_POSTGRESQL_BIN")
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", running.on_disk)

    def verdict(check, edits):
        folder = tmp_path / "tree"
        subject = built_in.subject(folder, 2, edits)

        def copy():
            shutil.copytree(folder, tmp_path / "copy")
            return str(tmp_path / "copy")

        return checks.run(built_in.checks_of(2)[check], dataclasses.replace(subject, copy=copy))

    return verdict


@needs_server
@pytest.mark.parametrize("row", [pytest.param(row, id=row.says) for row in ON_A_SERVER])
def test_p7_what_the_server_refuses_is_named_with_its_line(judge, row: Seeded):
    found = judge(row.check, row.texts())
    assert found.outcome == "failed", found
    place = re.compile(rf"{re.escape(row.place())}(?!\d)")
    assert [line for line in found.evidence if place.match(line) and row.says in line], (
        row.place(), found,
    )  # fmt: skip


@needs_server
@pytest.mark.parametrize("what", NOT_RESTORED)
def test_p7_a_way_back_that_leaves_something_is_named_with_what_it_leaves(judge, what):
    path, old, new, left = NOT_RESTORED[what]
    text = built_in.text(2, path)
    assert old in text
    found = judge("migrations go up, down and up again", {path: text.replace(old, new, 1)})
    assert found.outcome == "failed", found
    assert path in found.summary or any(path in line for line in found.evidence), found
    assert any(left in line for line in found.evidence), found
