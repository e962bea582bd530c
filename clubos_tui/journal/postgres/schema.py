"""The tables, and that nobody changes what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from clubos_tui.journal.postgres.connect import key_of, translated

if TYPE_CHECKING:
    from clubos_tui.journal.postgres.connect import Connection

__all__ = ["make"]

_SCHEMA: LiteralString = """
CREATE SCHEMA IF NOT EXISTS clubos;
CREATE TABLE IF NOT EXISTS clubos.run (
  run text PRIMARY KEY,
  repository text NOT NULL,
  began timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS clubos.event (
  run text NOT NULL REFERENCES clubos.run,
  seq bigint NOT NULL CHECK (seq > 0),
  line bytea NOT NULL,
  PRIMARY KEY (run, seq)
);
CREATE TABLE IF NOT EXISTS clubos.edit (
  sha256 text PRIMARY KEY,
  data bytea NOT NULL
);
CREATE OR REPLACE FUNCTION clubos.refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'a journal only takes inserts'; END $$;
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['run', 'event', 'edit'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE '
                   'ON clubos.%I FOR EACH STATEMENT EXECUTE FUNCTION clubos.refuse()', name);
  END LOOP;
END $$;
"""


def make(connection: Connection) -> None:
    """Make the tables where they are missing."""
    with translated():
        row = connection.execute("SELECT to_regclass('clubos.edit')").fetchone()
        if row and row[0]:  # a role that may only insert and read must not try
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (key_of("schema"),))
            connection.execute(_SCHEMA)
