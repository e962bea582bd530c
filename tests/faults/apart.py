"""Do work in a child that has no children but its own, and bring back what it returns."""

from __future__ import annotations

import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Failed(AssertionError):
    """What the child raised, as text."""


def apart(work: Callable[[], T]) -> T:
    """Return what ``work`` returns; patches made before hold in the child too."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        said: tuple[Any, str] = (None, "")
        try:
            os.close(read)
            said = (work(), "")
        except BaseException:
            said = (None, traceback.format_exc())
        finally:
            with os.fdopen(write, "wb") as pipe:
                pickle.dump(said, pipe)
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    value, error = pickle.loads(data) if data else (None, "the child ended without a word")
    if error:
        raise Failed(error)
    return value  # type: ignore[no-any-return]
