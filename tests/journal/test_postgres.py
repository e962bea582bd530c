"""The journal in PostgreSQL: insert-only, held by one driver, and what a lost connection means."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from clubos_tui.errors import Failed, JournalDamaged
from clubos_tui.events import MergeRequested, ProposalRequested, RunId
from clubos_tui.journal import Conflict
from clubos_tui.journal.postgres import Heard, PostgresJournals, StoreLost

RUN = RunId("one")


@pytest.fixture
def store(url: str) -> Iterator[Callable[[], PostgresJournals]]:
    """Connect as another process would."""
    made: list[PostgresJournals] = []

    def connect(**fields: str) -> PostgresJournals:
        made.append(PostgresJournals(fields.get("url", url), "origin"))
        return made[-1]

    yield connect
    for journals in made:
        journals.close()


@pytest.mark.parametrize(
    "sql",
    ["UPDATE clubos.event SET line = 'x'", "DELETE FROM clubos.event", "TRUNCATE clubos.event",
     "UPDATE clubos.run SET repository = 'x'", "DELETE FROM clubos.run"],
)  # fmt: skip
def test_p9_the_table_takes_inserts_only(store, sql):
    store().open(RUN).append(ProposalRequested(1, "Ada"))
    with pytest.raises(Exception, match="only takes inserts"), store().using() as connection:
        connection.execute(sql)
    assert store().open(RUN).load()[0].event == ProposalRequested(1, "Ada")


def test_p9_what_an_owner_of_the_database_bends_is_found(store):
    """Who may drop the trigger can change a row; the chain says so, as it does of a file."""
    store().open(RUN).append(ProposalRequested(1, "Ada"))
    store().open(RUN).append(MergeRequested("Ada"))
    with store().using() as connection:
        connection.execute("ALTER TABLE clubos.event DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE clubos.event SET line = replace(encode(line, 'escape'), 'Ada', 'Eve')::bytea "
            "WHERE seq = 1"
        )
    with pytest.raises(JournalDamaged, match="record 1"):
        store().open(RUN).load()


def test_a_role_that_may_only_insert_and_read_is_enough(store, url):
    store().open(RUN).append(ProposalRequested(1, "Ada"))
    name = url.rsplit("/", 1)[1]
    with store().using() as connection:
        connection.execute(f"CREATE ROLE {name}_w LOGIN PASSWORD 'writes'")
        connection.execute(f"GRANT USAGE ON SCHEMA clubos TO {name}_w")
        connection.execute(f"GRANT INSERT, SELECT ON ALL TABLES IN SCHEMA clubos TO {name}_w")
        connection.execute(f"CREATE ROLE {name}_r LOGIN PASSWORD 'reads'")
        connection.execute(f"GRANT USAGE ON SCHEMA clubos TO {name}_r")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA clubos TO {name}_r")
    place = url.split("@", 1)[1]
    writes = store(url=f"postgresql://{name}_w:writes@{place}")
    assert writes.open(RUN).append(MergeRequested("Ada")).seq == 2
    reads = store(url=f"postgresql://{name}_r:reads@{place}")
    assert len(reads.open(RUN).load()) == 2
    with pytest.raises(Failed, match="does not let this role") as caught:
        reads.open(RUN).append(MergeRequested("Ada"))
    assert "GRANT" in caught.value.cure.upper()


def test_one_driver_holds_a_run_and_the_kernel_frees_it(store):
    store().open(RUN).append(ProposalRequested(1, "Ada"))
    first, second = store(), store()
    hold = first.hold(RUN, "alpha")
    assert hold is not None
    assert second.hold(RUN, "beta") is None
    assert [(h.run, h.worker) for h in second.holders()] == [(RUN, "alpha")]
    hold.release()
    again = second.hold(RUN, "beta")
    assert again is not None
    again.release()


def test_p3_a_driver_whose_connection_was_ended_appends_nothing(store):
    """What becomes of a frozen worker: another has taken over when it wakes."""
    store().open(RUN).append(ProposalRequested(1, "Ada"))
    zombie = store().hold(RUN, "alpha")
    journal = zombie.journal
    journal.load()
    assert store().end_worker("alpha") == 1
    other = store().hold(RUN, "beta")
    assert other is not None
    with pytest.raises(StoreLost):
        journal.append(MergeRequested("zombie"), expected=1)
    assert not zombie.stands()
    assert other.journal.append(MergeRequested("beta")).seq == 2
    with pytest.raises(StoreLost, match="another worker may drive"):
        journal.append(MergeRequested("zombie"))
    assert [record.event.by for record in store().open(RUN).load()] == ["Ada", "beta"]
    other.release()


def test_an_append_is_heard_elsewhere_at_once(store):
    """Within 50 ms on a quiet machine, which the benchmark measures; here, that it comes."""
    store().open(RUN).append(ProposalRequested(1, "Ada"))
    heard = threading.Event()
    ear = store()
    ear.listen(
        lambda said: heard.set() if said == Heard(RUN, 2, frozenset({"merge.requested"})) else None
    )
    reading = ear.open(RUN)
    assert len(reading.load()) == 1
    store().open(RUN).append(MergeRequested("Ada"))
    assert heard.wait(5)
    assert len(reading.new(1)) == 1


def test_what_was_not_heard_is_read_a_second_later(store, monkeypatch):
    """A notification may be lost; it is a hint and decides nothing."""
    store().open(RUN).append(ProposalRequested(1, "Ada"))
    ear = store()
    ear.listen()
    monkeypatch.setattr(ear, "_tell", lambda _said: None)
    reading = ear.open(RUN)
    assert len(reading.load()) == 1
    store().open(RUN).append(MergeRequested("Ada"))
    deadline = time.monotonic() + 10
    while len(reading.load()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_p3_a_restart_of_the_server_loses_nothing_and_a_driver_its_lock(store, server):
    kept = store()
    kept.open(RUN).append(ProposalRequested(1, "Ada"))
    hold = kept.hold(RUN, "alpha")
    held, free, ear = hold.journal, kept.open(RUN), store()
    free.load()
    told: queue.Queue[tuple[str, int]] = queue.Queue()
    ear.listen(lambda said: told.put((said.run, said.seq)))
    assert told.get(timeout=10) == ("", 0)
    server.restart()
    with pytest.raises(StoreLost):
        held.append(MergeRequested("alpha"))
    deadline = time.monotonic() + 20
    while True:
        try:
            free.append(MergeRequested("Ada"), expected=1)
            break
        except StoreLost:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    while told.get(timeout=20) != ("", 0):
        pass  # who listens comes back on its own, and says that it may have missed something
    free.append(MergeRequested("Bob"), expected=2)
    while told.get(timeout=20) != (RUN, 3):
        pass
    assert [record.event.by for record in store().open(RUN).load()] == ["Ada", "Ada", "Bob"]


def test_p3_an_append_that_nobody_answered_is_looked_up(store, monkeypatch):
    """The connection broke between the commit and its answer: it is there, and not twice."""
    kept = store()
    journal = kept.open(RUN)
    journal.append(ProposalRequested(1, "Ada"))
    from psycopg import Connection

    real = Connection.transaction

    class Broken:
        def __init__(self, inner):
            self.inner = inner

        def __enter__(self):
            return self.inner.__enter__()

        def __exit__(self, *what):
            self.inner.__exit__(*what)
            import psycopg

            monkeypatch.setattr(Connection, "transaction", real)
            raise psycopg.OperationalError("the server closed the connection")

    monkeypatch.setattr(Connection, "transaction", lambda self: Broken(real(self)))
    assert journal.append(MergeRequested("Ada"), expected=1).seq == 2
    assert len(store().open(RUN).load()) == 2
    with pytest.raises(Conflict):
        store().open(RUN).append(MergeRequested("Ada"), expected=1)


def test_p3_a_full_disk_of_the_databases_is_a_full_disk(store, monkeypatch):
    import errno

    import psycopg

    kept = store()
    journal = kept.open(RUN)
    journal.append(ProposalRequested(1, "Ada"))

    def full(*_args, **_named):
        raise psycopg.errors.DiskFull("could not extend file")

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "transaction", full)
        with pytest.raises(OSError, match="disk is full") as caught:
            journal.append(MergeRequested("Ada"))
    assert caught.value.errno == errno.ENOSPC
    assert journal.append(MergeRequested("Ada")).seq == 2


def test_a_database_that_does_not_answer_is_said_in_words():
    journals = PostgresJournals("postgresql://127.0.0.1:1/none", "origin")
    with pytest.raises(StoreLost, match="does not answer"):
        journals.runs()
