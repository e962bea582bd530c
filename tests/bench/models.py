"""A model in a process of its own, so that what is measured is only who asks it.

An action's name says what it answers: ``write-250`` one call that writes 250 kB, ``turns-200``
two hundred answers with a call each.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from support.model_server import Asked, Reply, served
from support.scripted_model import action_of, call, finish, stream

TURN = 20_000  # characters that one of many answers writes
PIECE = 16  # characters of a fragment, as the API sends them


def _answer(asked: Asked) -> Reply:
    kind, _, number = action_of(asked).partition("-")
    turns = sum(message["role"] == "assistant" for message in asked.body["messages"])
    if kind == "write" and not turns:
        text = "".join(f"line {at:6} of it\n" for at in range(int(number) * 1000 // 18))
        blocks = [call("write_file", path="src/large.txt", content=text)]
    elif kind == "turns" and turns < int(number):
        path = f"src/{turns}.txt"
        blocks = [call("write_file", path=path, content="word " * (TURN // 5))]
    else:
        blocks = [finish()]
    return Reply.of(stream(blocks, piece=PIECE))


def _serve(line: Connection) -> None:
    with served() as server:
        server.check = False  # what is sent is not measured
        server.answer = _answer
        line.send(server.url)
        line.recv()


@contextmanager
def model_process() -> Iterator[str]:
    """Run a model for as long as the block lasts; yield where it is asked."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join(10)
