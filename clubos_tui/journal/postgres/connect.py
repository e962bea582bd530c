"""The connection: how it is made, and what its errors mean to those who know no database."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from clubos_tui.errors import Failed, UsageError

if TYPE_CHECKING:
    import psycopg

    Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

__all__ = ["StoreLost", "connect", "driver", "error_type", "key_of", "translated",
           "unique_violation"]  # fmt: skip

CONNECT_SECONDS = 5
# Keepalives of the server's: a machine that is gone loses its locks within a minute.
SETTINGS = (
    "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 "
    "-c idle_in_transaction_session_timeout=60s -c statement_timeout=30s -c lock_timeout=30s"
)


class StoreLost(OSError):
    """The database does not answer, or no longer knows this connection."""


def connect(url: str, name: str) -> Connection:
    """Return a new connection that goes by a name; :class:`StoreLost` where there is none."""
    psycopg = driver()
    with translated():
        connection: Connection = psycopg.connect(
            url, autocommit=True, application_name=name, options=SETTINGS,
            connect_timeout=CONNECT_SECONDS, keepalives_idle=20, keepalives_interval=10,
            keepalives_count=3,
        )  # fmt: skip
        return connection


def key_of(name: str) -> int:
    """Return the number that a session lock on a name has."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


@contextmanager
def translated() -> Iterator[None]:
    """Have what the database can't do look like what a disk can't do."""
    psycopg = driver()
    try:
        yield
    except psycopg.errors.UniqueViolation:
        raise
    except psycopg.errors.DiskFull as error:
        raise StoreLost(errno.ENOSPC, f"the database's disk is full: {_first(error)}") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Failed(
            f"the database does not let this role do that: {_first(error)}",
            untouched="Nothing was recorded.",
            cure="Grant it INSERT and SELECT on the tables of the schema clubos.",
        ) from error
    except psycopg.OperationalError as error:
        raise StoreLost(
            errno.EIO, f"the journal's database does not answer: {_first(error)}"
        ) from error


def _first(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def driver() -> Any:
    """Return psycopg; :class:`UsageError` with what to install where it is missing."""
    try:
        import psycopg
        import psycopg.errors
    except ImportError as error:
        raise UsageError(
            "journals in PostgreSQL need the package psycopg, which is not installed",
            untouched="Nothing was done.",
            cure="pip install 'clubos-tui[shared]'",
        ) from error
    return psycopg


def error_type() -> type[Exception]:
    """Return what every error of the database is."""
    kind: type[Exception] = driver().Error
    return kind


def unique_violation() -> type[Exception]:
    """Return the error of a number that is taken."""
    kind: type[Exception] = driver().errors.UniqueViolation
    return kind
