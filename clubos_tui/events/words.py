"""Ids and words that several events use."""

from __future__ import annotations

from typing import Literal, NewType

RunId = NewType("RunId", str)
Seq = NewType("Seq", int)
CommitId = NewType("CommitId", str)
Outcome = Literal["passed", "failed", "unknown", "not run"]
Scope = Literal["proposal", "stage", "merge"]
Ending = Literal["merged", "rolled back", "abandoned"]
LeftReason = Literal["changed since", "index changed", "not ours"]
