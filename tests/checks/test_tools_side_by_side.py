"""Two commands at once: each box has a network of its own, so neither finds the other's port."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.check_tree import Tree

from clubos_tui import checks
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import program

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
SERVER = """\
import socket, sys, time
with socket.create_server(("127.0.0.1", 8123)) as server:
    server.settimeout(20)
    time.sleep(1)  # long enough for the other one to want the port as well
    with socket.create_connection(server.getsockname()) as me, server.accept()[0] as other:
        me.sendall(b"mine")
        sys.exit(other.recv(9) != b"mine")
"""


@needs_box
def test_two_checks_that_listen_on_the_same_port_both_pass(tmp_path):
    made = Tree(tmp_path / "tree", {"server.py": SERVER})
    together = threading.Barrier(2, timeout=20)

    def judged(number):
        def copy():
            place = str(tmp_path / f"copy-{number}")
            shutil.copytree(made.folder, place)
            together.wait()
            return place

        spec = CheckSpec("c", "command", ("server.py",), command="python3 server.py")
        return checks.run(spec, made.subject(copy=copy))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(judged, (1, 2)))
    assert [verdict.outcome for verdict in found] == ["passed", "passed"], found
