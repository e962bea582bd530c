"""``clubos worker``: drive runs with no screen, until it is told to end."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from argparse import Namespace

from clubos_tui.cli.opened import store_of
from clubos_tui.cli.output import emit, say
from clubos_tui.errors import UsageError
from clubos_tui.journal import now
from clubos_tui.ui.text import safe

__all__ = ["worker"]


def worker(options: Namespace) -> int:
    """Drive the runs of repositories here, or shared ones."""
    url = store_of(options)
    if options.limit < 1:
        raise UsageError("--limit is 1 or more", untouched="Nothing was started.")
    if not url:
        from clubos_tui.engine.attendant import attend

        repositories = options.dir or [options.repo]
        return asyncio.run(attend(repositories, lambda line: _tell(line, as_json=options.json)))
    return _shared(url, options)


def _shared(url: str, options: Namespace) -> int:
    from clubos_tui.engine.durable import Durable
    from clubos_tui.engine.worker import Worker
    from clubos_tui.journal.postgres import PostgresJournals

    journals = PostgresJournals(url)
    driver = Worker(
        journals, options.name or "", limit=options.limit,
        tell=lambda line: _tell(line, as_json=options.json),
    )  # fmt: skip
    journals.prepare()
    engine = Durable(
        url,
        driver.name,
        driver.advance,
        driver.leave,
        limit=options.limit,
        everywhere=options.everywhere,
    )

    def end(*_: object) -> None:
        threading.Thread(target=driver.stop, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    engine.launch()
    _tell(f"worker {driver.name} drives shared runs, {driver.limit} at once", as_json=options.json)
    try:
        driver.attend(engine)
    finally:
        engine.close()
        journals.close()
    return 0


def _tell(line: str, *, as_json: bool) -> None:
    if as_json:
        emit({"at": now(), "said": line})
    else:
        say(f"{now()[11:19]} {safe(line)}")
    if sys.stdout is not None:
        sys.stdout.flush()
