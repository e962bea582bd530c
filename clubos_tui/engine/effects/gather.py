"""Carry out many checks on one tree: those that run commands side by side, each in its own box.

What nothing can have changed is not tried again. What a check says on its way goes to a stream,
for whoever watches; what it came to goes to the journal, with that of all the others.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue

from clubos_tui import __version__
from clubos_tui.changes.manifest import TreeId
from clubos_tui.checks import BOXED, Subject, Verdict, run
from clubos_tui.checks.canaries import catches
from clubos_tui.checks.commands import counts_cases
from clubos_tui.checks.guard import TAMPER, restored
from clubos_tui.checks.inputs import inputs_of, tree_of
from clubos_tui.engine.decide import RunChecks
from clubos_tui.engine.effects.context import Context
from clubos_tui.events import CheckFinished, CheckStarted
from clubos_tui.plan import CheckSpec
from clubos_tui.streams import StreamWriter

__all__ = ["Gathering"]

SLOTS = max(1, min(4, os.cpu_count() or 1))
"""Commands at once."""
_BEAT = 0.1  # seconds between two words of one check in the stream
_WORDS = 200  # characters of them
_NAMED = 50  # paths taken from the base that are named
_CUT = -2
_caught: dict[str, bool] = {}  # by what a check rests on: whether it finds its fault there


@dataclass(slots=True)
class Gathering:
    """The checks of one tree."""

    context: Context
    step: RunChecks
    subject: Subject
    _judged: TreeId = field(init=False)
    _from_base: tuple[str, ...] = field(init=False, default=())
    _slots: SimpleQueue[int] = field(init=False, default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        self._judged = self.step.tree
        for number in range(SLOTS):
            self._slots.put(number)
        lifted = ("proposal", self.step.tree, TAMPER) in self.context.view.overridden
        puts = restored(self.subject.manifest, self.subject.guard)
        if puts and not lifted and self.step.scope != "merge":
            # Of what judges the phase, commands find what the base has.
            self._judged = self.context.session.workshop.build(self.step.tree, dict(puts), {})
            self._from_base = tuple(sorted(puts))[:_NAMED]

    @property
    def stream(self) -> str:
        """The file of what is said on the way."""
        step = self.step
        name = f"checks-{step.phase}-{step.scope}-{step.tree[:12]}.jsonl"
        return self.context.session.paths.stream(self.context.run.id, name)

    def known(self, specs: Sequence[CheckSpec]) -> tuple[dict[str, CheckFinished], list[CheckSpec]]:
        """Return the evidence that still holds, and the checks to be carried out."""
        known = {spec.name: found for spec in specs if (found := self._held(spec))}
        return known, [spec for spec in specs if spec.name not in known]

    def _held(self, spec: CheckSpec) -> CheckFinished | None:
        """Return what a check came to before, where all it depends on is the same."""
        key = self._key(spec)
        if self.step.anew:
            return None
        known = [item for item in self.context.view.latest.values() if item.inputs_sha256 == key]
        # One that failed somewhere on the very same has to be looked at, whatever passed elsewhere.
        if not known or any(item.outcome != "passed" for item in known):
            return None
        if not self._is_there(spec):
            return None
        step = self.step
        return dataclasses.replace(
            known[-1], phase=step.phase, scope=step.scope, tree=step.tree, check=spec.name,
            required=not spec.if_available, reused=True,
            from_base=self._from_base if spec.kind in BOXED else (),
        )  # fmt: skip

    def _is_there(self, spec: CheckSpec) -> bool:
        """Tell whether the folder still holds what the tree says of a check's files."""
        if spec.kind in BOXED:  # it gets a copy of its own
            return True
        try:
            for path in self.subject.matching(spec):
                self.subject.read(path)
        except Exception:  # whatever it is: the check itself says what is wrong there
            return False
        return True

    def _key(self, spec: CheckSpec) -> str:
        if spec.kind not in BOXED:
            # What is protected or guarded is the plan's, which is the same for the whole run; of
            # a merged tree it is less.
            base = self.context.view.phase(self.step.phase).base
            return tree_of(spec, self.step.tree, TreeId(f"{base} {self.step.scope == 'merge'}"))
        files = self.context.session.workshop.files(self._judged)
        return inputs_of(spec, files, self._judged, self._base_of(spec))

    def _base_of(self, spec: CheckSpec) -> TreeId:
        """Return the tree whose cases a check must not have fewer than; empty where there is none.

        A merged tree has none of its own: each phase was held against its base before.
        """
        counted = self.step.scope != "merge" and counts_cases(spec) and bool(self.subject.base)
        return self.context.view.phase(self.step.phase).base if counted else TreeId("")

    def begun(self, specs: Iterable[CheckSpec]) -> list[CheckStarted]:
        """Return what is told of the checks that take their time."""
        step = self.step
        return [
            CheckStarted(step.phase, step.scope, step.tree, spec.name, self.stream)
            for spec in specs
            if spec.kind in BOXED
        ]

    def gather(self, specs: Sequence[CheckSpec]) -> dict[str, CheckFinished]:
        """Carry checks out, by their names."""
        if not specs:
            return {}
        slow = [spec for spec in specs if spec.kind in BOXED]
        with telling(self.stream) as tell, ThreadPoolExecutor(SLOTS, "check") as pool:
            waiting = {spec.name: pool.submit(self._one, spec, tell) for spec in slow}
            found = {spec.name: self._one(spec, tell) for spec in specs if spec not in slow}
            return found | {name: future.result() for name, future in waiting.items()}

    def nothing(self) -> CheckFinished:
        """Return what a phase without any check comes to."""
        verdict = Verdict("unknown", "the plan has no check for this phase")
        return self._finished(CheckSpec("checkpoint", "paths"), verdict, 0)

    def _one(self, spec: CheckSpec, tell: Telling) -> CheckFinished:
        began = time.monotonic()
        tell.began(spec)
        if spec.kind in BOXED:
            verdict, at_base = self._boxed(spec, tell)
        else:
            at_base = -1
            verdict = run(spec, self.subject, progress=lambda words: tell.said(spec, words))
        finished = self._finished(
            spec, verdict, round((time.monotonic() - began) * 1000), at_base=at_base
        )
        tell.ended(finished)
        return finished

    def _boxed(self, spec: CheckSpec, tell: Telling) -> tuple[Verdict, int]:
        """Run a command on its own copy; where it counts cases, on the base as well."""
        if self.context.stop.is_set():
            return Verdict("unknown", "it was not begun: interrupted"), -1
        slot = self._slots.get()
        try:
            verdict = self._on(self._judged, self.subject, spec, slot, tell)
            at_base = self._at_base(spec, slot, tell) if verdict.outcome == "passed" else -1
        finally:
            self._slots.put(slot)
        if at_base == _CUT:
            words = f"{verdict.summary}, but it can't be told how many cases the base has"
            return dataclasses.replace(verdict, outcome="unknown", summary=words), -1
        if at_base > verdict.cases:
            words = f"{verdict.cases} cases, where the base has {at_base}"
            rows = (*verdict.evidence, f"{at_base - verdict.cases} cases are gone or skipped")
            return dataclasses.replace(
                verdict, outcome="failed", summary=words, evidence=rows
            ), at_base  # fmt: skip
        return verdict, at_base

    def _on(
        self, tree: TreeId, subject: Subject, spec: CheckSpec, slot: int, tell: Telling
    ) -> Verdict:
        subject = dataclasses.replace(subject, copy=lambda: self.context.bench(tree, slot))
        return run(spec, subject, progress=lambda words: tell.said(spec, words))

    def _at_base(self, spec: CheckSpec, slot: int, tell: Telling) -> int:
        """Return how many cases the base has; -1 where it has none or that is not asked.

        ``_CUT`` where that took too long, or something ended it.
        """
        base = self._base_of(spec)
        if not base:
            return -1
        for (phase, _, name), found in self.context.view.latest.items():
            same = (phase, name) == (self.step.phase, spec.name)
            if same and found.at_base >= 0 and found.base == base:
                return found.at_base
        tell.said(spec, "counting the cases of the base")
        there = dataclasses.replace(
            self.subject, files=self.subject.base, manifest=(), withheld=frozenset(), _known={}
        )
        verdict = self._on(base, there, dataclasses.replace(spec, at_least=1), slot, tell)
        if verdict.cut:
            return _CUT
        return verdict.cases if verdict.outcome != "unknown" or verdict.cases else -1

    def _finished(
        self, spec: CheckSpec, verdict: Verdict, milliseconds: int, *, at_base: int = -1
    ) -> CheckFinished:
        step, outcome = self.step, verdict.outcome
        taken = self._from_base if spec.kind in BOXED else ()
        evidence = verdict.evidence
        if taken and outcome != "passed":
            named = f"{', '.join(taken[:3])}{', …' if len(taken) > 3 else ''}"
            evidence = (*evidence, f"judged as in the base: {named}")
        return CheckFinished(
            phase=step.phase, scope=step.scope, tree=step.tree, check=spec.name,
            outcome="not run" if spec.if_available and verdict.missing else outcome,
            # One that may be missing still counts where it is there, and failed or can't tell.
            required=not spec.if_available
            or outcome == "failed"
            or (outcome == "unknown" and not verdict.missing),
            summary=verdict.summary, evidence=evidence,
            tool=verdict.tool, cases=verdict.cases, milliseconds=milliseconds,
            inputs_sha256=self._key(spec), proved=self._proved(spec, verdict), at_base=at_base,
            base=self._base_of(spec) if at_base >= 0 else TreeId(""),
            from_base=taken,
        )  # fmt: skip

    def _proved(self, spec: CheckSpec, verdict: Verdict) -> str:
        """Return this version where a check that costs little finds its fault in this very tree.

        What runs a command is tried when a person asks for it.
        """
        if verdict.outcome != "passed" or spec.kind in BOXED or self.step.scope != "proposal":
            return ""
        key = self._key(spec)
        if key not in _caught:
            _caught[key] = catches(spec, self.subject)
        return __version__ if _caught[key] else ""


class Telling:
    """What checks say on their way, from several threads into one stream."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def began(self, spec: CheckSpec) -> None:
        """Say that a check is under way."""
        self._write("check.began", {"check": spec.name})

    def said(self, spec: CheckSpec, words: str) -> None:
        """Say what a check is at, now and then."""
        now = time.monotonic()
        line = words.strip().rpartition("\n")[2]
        if line and now - self._last.get(spec.name, 0.0) >= _BEAT:
            self._last[spec.name] = now
            self._write("check.said", {"check": spec.name, "text": line[:_WORDS]})

    def ended(self, found: CheckFinished) -> None:
        """Say what a check came to; the journal has it only with all the others."""
        self._write(
            "check.ended",
            {
                "check": found.check,
                "outcome": found.outcome,
                "summary": found.summary,
                "milliseconds": found.milliseconds,
            },
        )

    def _write(self, tag: str, data: dict[str, object]) -> None:
        with self._lock:
            self._writer.write(tag, data, time=time.monotonic())
            self._writer.flush()  # the next word may be long in coming, and people watch


@contextmanager
def telling(path: str) -> Iterator[Telling]:
    """Open the stream of checks."""
    writer = StreamWriter(path)
    try:
        yield Telling(writer)
    finally:
        writer.close(durable=False)
