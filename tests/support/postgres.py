"""A PostgreSQL of a person's, outside of any box: what `CLUBOS_POSTGRESQL_URL` may name."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from clubos_tui.checks.servers import binaries

PASSWORD = "p%w" + "secret"


@dataclass(frozen=True)
class Cluster:
    """A running one."""

    folder: str
    port: int

    @property
    def tcp(self) -> str:
        """Its URL over the network of this machine."""
        return f"postgresql://boss:{PASSWORD.replace('%', '%25')}@127.0.0.1:{self.port}/postgres"

    @property
    def on_disk(self) -> str:
        """Its URL through its socket."""
        return (
            f"postgresql://boss:{PASSWORD.replace('%', '%25')}@/postgres"
            f"?host={self.folder}&port={self.port}"
        )

    def ask(self, sql: str) -> str:
        """Return what it answers to its owner."""
        done = subprocess.run(
            [f"{binaries()}/psql", "-XwAtc", sql, "-h", "127.0.0.1", "-p", str(self.port),
             "-U", "boss", "-d", "postgres"],
            env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def restart(self) -> None:
        """Stop it at once, as a crash of the server's does, and start it again."""
        self._pg_ctl("-m", "immediate", "restart")

    def start(self) -> None:
        """Start it."""
        self._pg_ctl("start")

    def stop(self) -> None:
        """Stop it, and wait for nobody."""
        self._pg_ctl("-m", "immediate", "stop")

    def _pg_ctl(self, *arguments: str) -> None:
        options = f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        _as_nobody(
            self.folder, f"{binaries()}/pg_ctl", "-D", f"{self.folder}/data", "-w", "-l",
            f"{self.folder}/log", "-o", options, *arguments,
        )  # fmt: skip


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run one, as nobody where we are root: it refuses root."""
    folder = tempfile.mkdtemp(prefix="clubos-cluster-")
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    os.chmod(folder, 0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = f"{folder}/secret"
    with open(secret, "w") as file:
        file.write(PASSWORD)
    os.chmod(secret, 0o644)
    _as_nobody(
        folder, f"{binaries()}/initdb", "-D", f"{folder}/data", "-U", "boss", "-A",
        "scram-sha-256", "--pwfile", secret, "--no-sync", "-E", "UTF8", "--locale=C",
    )  # fmt: skip
    running = Cluster(folder, port)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody(folder: str, *arguments: str) -> None:
    """Run one of its programs; it refuses root."""
    subprocess.run(
        arguments, user="nobody" if os.geteuid() == 0 else None, cwd=folder, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "LANG": "C"},
    )  # fmt: skip
