"""A ground for the trials of one test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.ground import Ground, ground


@pytest.fixture(scope="module")
def place() -> Iterator[Ground]:
    """One folder in memory; each trial lays it out anew."""
    with ground() as made:
        yield made
