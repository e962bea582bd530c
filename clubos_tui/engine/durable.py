"""DBOS on PostgreSQL: which worker drives which run, and how many at once.

It sees one loop that never changes, under a pinned version, so that a run that waits for days is
not bound to a version of ours. It holds nothing that matters: the journal does. Imported by
workers and by who looks after them, never by a dashboard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clubos_tui.engine.worker import ADVANCED
from clubos_tui.errors import UsageError
from clubos_tui.events import RunId

__all__ = ["Durable", "resume_from"]

VERSION = "drive-v1"
QUEUE = "runs"


class Durable:
    """The engine of one worker process; there can be one in a process."""

    def __init__(
        self,
        url: str,
        worker: str,
        advance: Callable[[RunId, str], str],
        leave: Callable[[str], None],
        *,
        limit: int,
        everywhere: int | None = None,
    ) -> None:
        """Register the loop; :meth:`launch` begins.

        Args:
            url: Of the database; DBOS keeps its tables in a schema of its own.
            worker: The stable name under which what was cut short is taken up again.
            advance: Performs one step of a run, offered under a key, and says what came of it.
            leave: Gives back what is held under a key; called however the loop ends.
            limit: Runs under way in this process at once.
            everywhere: Runs under way in all processes at once.
        """
        dbos = _dbos()
        self._dbos = dbos.DBOS
        self._identified = dbos.SetWorkflowID
        self._limit = limit
        self._everywhere = everywhere
        dbos.DBOS(
            config={
                "name": "clubos",
                "system_database_url": url,
                "executor_id": worker,
                "application_version": VERSION,
                "serializer": dbos.DBOSPortableJSONSerializer(),
                "log_level": "CRITICAL",
            }
        )

        @dbos.DBOS.step(name="advance")  # type: ignore[untyped-decorator]
        def step(run: str, key: str) -> str:
            return advance(RunId(run), key)

        @dbos.DBOS.workflow(name=VERSION)  # type: ignore[untyped-decorator]
        def drive(run: str) -> str:
            key = str(dbos.DBOS.workflow_id)
            try:
                while True:
                    said: str = step(run, key)
                    if said != ADVANCED:
                        return said
            finally:  # the engine may end it between two steps
                leave(key)

        self._drive = drive

    def launch(self) -> None:
        """Begin, with what this worker left half done."""
        self._dbos.launch()
        self._dbos.register_queue(
            QUEUE, worker_concurrency=self._limit, global_concurrency=self._everywhere,
            on_conflict="always_update",
        )  # fmt: skip

    def offer(self, run: RunId, key: str, *, at_once: bool) -> None:
        """Have some worker drive a run: this one now, or whichever has room."""
        with self._identified(key):
            if at_once:
                self._dbos.start_workflow(self._drive, run)
            else:
                self._dbos.enqueue_workflow(QUEUE, self._drive, run)

    def close(self) -> None:
        """End; what is under way was withdrawn before."""
        self._dbos.destroy(workflow_completion_timeout_sec=10)


def resume_from(url: str, worker: str) -> list[str]:
    """Have others go on with what a worker that is gone had begun; return the runs."""
    dbos = _dbos()
    client: Any = dbos.DBOSClient(system_database_url=url)
    try:
        found = client.list_workflows(status=["PENDING"], executor_id=worker, name=VERSION)
        ids = [one.workflow_id for one in found]
        for one in ids:
            client.resume_workflow(one, queue_name=QUEUE)
        return sorted({one.split("@")[0] for one in ids})
    finally:
        client.destroy()


def _dbos() -> Any:
    try:
        import dbos
    except ImportError as error:
        raise UsageError(
            "workers that share runs need the package dbos, which is not installed",
            untouched="Nothing was done.",
            cure="pip install 'clubos-tui[workers]'",
        ) from error
    return dbos
