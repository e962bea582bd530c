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


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run one, as nobody where we are root: it refuses root."""
    folder = tempfile.mkdtemp(prefix="clubos-cluster-")
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    os.chmod(folder, 0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place, data = binaries(), f"{folder}/data"
    secret = f"{folder}/secret"
    with open(secret, "w") as file:
        file.write(PASSWORD)
    os.chmod(secret, 0o644)

    def run(*arguments: str) -> None:
        subprocess.run(
            arguments, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "LANG": "C"},
        )  # fmt: skip

    run(f"{place}/initdb", "-D", data, "-U", "boss", "-A", "scram-sha-256", "--pwfile", secret,
        "--no-sync", "-E", "UTF8", "--locale=C")  # fmt: skip
    options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(f"{place}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
    try:
        yield Cluster(folder, port)
    finally:
        run(f"{place}/pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
