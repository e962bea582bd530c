"""The tamper guard: what judges a phase is taken from the base, and is not the phase's to change.

Tests, the configuration of test runners and CI, the plan, and whatever a check's command line
names. A phase may add tests; it may not change or delete one, nor touch the rest, without a
person's approval of just that. Until then commands run on what the base has of them (P7).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from clubos_tui.changes.manifest import Change, Entry
from clubos_tui.changes.paths import matches
from clubos_tui.plan import CheckSpec, Plan

__all__ = ["TAMPER", "Guard", "guard_of", "restored", "touched"]

TAMPER: Final = "tamper guard"
"""The name of the check that finds it."""

_FIXED: Final = (
    "clubos.toml", ".github/workflows/**", ".github/actions/**", ".gitlab-ci.yml", ".circleci/**",
    ".buildkite/**", ".woodpecker/**", ".ci/**", "jenkinsfile", "azure-pipelines*.yml",
    "bitbucket-pipelines.yml", ".travis.yml", ".drone.yml", ".pre-commit-config.yaml",
    "conftest.py", "pytest.ini", "tox.ini", "noxfile.py", "vitest.config.*", "jest.config.*",
    ".oxlintrc.json", "eslint.config.*", ".eslintrc*", ".squawk.toml", ".gitleaks.toml",
)  # fmt: skip
_TESTS: Final = (
    "**/tests/**", "**/test/**", "**/__tests__/**", "test_*.py", "*_test.py", "*_test.go",
    "*.test.*", "*.spec.*",
)  # fmt: skip
# What a runner reads without being told: in it, a failure can be made to look like none.
_READ: Final = {
    "make": ("makefile", "gnumakefile"), "just": ("justfile",),
    "npm": ("package.json",), "pnpm": ("package.json",), "yarn": ("package.json",),
    "pytest": ("pyproject.toml", "setup.cfg", "pytest.toml", ".pytest.toml", ".pytest.ini",
               "sitecustomize.py", "usercustomize.py", "pytest.py", "pytest/**", "_pytest/**"),
    "vitest": ("package.json", "vite.config.*", "vitest.workspace.*"),
    "jest": ("package.json",),
    "cargo": ("cargo.toml", "build.rs", ".cargo/**"),
    "go": ("go.mod", "go.work"),
}  # fmt: skip
_WORD: Final = re.compile(r"[^\s;&|()<>'\"`$=]+")


@dataclass(frozen=True, slots=True)
class Guard:
    """What a plan's checks rest on."""

    fixed: tuple[str, ...] = _FIXED
    """Patterns of what may not be touched, in lower case; a new file may do harm as well."""
    kept: tuple[str, ...] = _TESTS
    """Patterns of what may be added, but neither changed nor deleted."""
    named: frozenset[str] = frozenset()
    """What the checks' command lines run, in whatever folder."""

    def why(self, path: str, *, added: bool) -> str:
        """Return why a path may not be touched; empty where it may."""
        if any(path == name or path.endswith(f"/{name}") for name in self.named):
            return "a check runs it"
        name = path.casefold()  # `.GitHub` is `.github` on many a disk
        if matches(name, self.fixed):
            return "it configures checks, tests or CI"
        return "" if added or not matches(name, self.kept) else "a test"


def guard_of(plan: Plan) -> Guard:
    """Return what the checks of all phases rest on."""
    specs = [spec for phase in plan.phase for spec in phase.check]
    named = {path for spec in specs for path in _named(spec)}
    then = tuple(pattern.casefold() for spec in specs for pattern in spec.then)
    more = tuple(pattern.casefold() for pattern in plan.guarded)
    read = tuple(dict.fromkeys(name for spec in specs for name in _configuring(spec)))
    return Guard((*_FIXED, *read, *more), (*_TESTS, *then), frozenset(named))


def _named(spec: CheckSpec) -> Iterable[str]:
    for word in _WORD.findall(spec.command):
        path = posixpath.normpath(word)
        # The files that a command is about are the phase's work; a bare word may be anything.
        if ("/" in word or "." in word) and not matches(path, spec.paths):
            yield path
    if spec.schema:
        yield spec.schema


def _configuring(spec: CheckSpec) -> Iterable[str]:
    """Yield what a check's tool reads as its configuration."""
    for word in (spec.preset, *_WORD.findall(spec.command)):
        yield from _READ.get(posixpath.basename(word), ())


def touched(manifest: Iterable[Change], guard: Guard) -> list[tuple[Change, str]]:
    """Return the rows of a manifest that meddle with what judges them, each with the reason."""
    found = []
    for row in manifest:
        gone = row.old_path or (row.path if row.before else "")
        why = (gone and guard.why(gone, added=False)) or guard.why(row.path, added=not row.before)
        if why:
            found.append((row, why))
    return found


def restored(manifest: Iterable[Change], guard: Guard) -> Mapping[str, Entry | None]:
    """Return what has to be put into the tree so that it is judged as the base would judge it."""
    puts: dict[str, Entry | None] = {}
    for row, _ in touched(manifest, guard):
        puts[row.path] = None
        if row.before:
            puts[row.old_path or row.path] = row.before
    return puts
