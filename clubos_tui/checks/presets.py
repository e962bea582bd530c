"""How well-known tools are run as checks: their command, and where their evidence is.

``{paths}`` in a command stands for the files that the check is about, ``{changed}`` for those of
them that are changed, ``{store}`` for the folder in which pre-commit keeps its hooks, ``{tsc}`` for
the compiler among the packages of the project, which lie at ``/node_modules`` in the box.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from clubos_tui.plan import CheckSpec, Evidence

__all__ = ["NODE_MODULES", "PRESETS", "Preset", "preset_of", "with_preset"]

REPORT: Final = ".clubos-report.xml"
NODE_MODULES: Final = "/node_modules"
"""Where the project's packages lie in the box: above the tree, so that every file finds them."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One tool."""

    command: str
    evidence: Evidence
    report: str = ""
    pattern: str = ""
    program: str = ""
    """What has to be installed, where it is known beforehand."""
    cure: str = ""
    """How to get it."""
    silenced: str = ""
    """What in a file keeps the tool from telling: a regular expression."""
    lacking: str = ""
    """What it prints where something of this machine is missing, and it could not look."""
    lists: bool = False
    """It prints each file that it looked at."""
    from_zero: bool = False
    """It counts lines from 0."""
    packages: bool = False
    """It needs the packages of the project."""


# Each by its name: one that the project's own configuration turns off stays off under --strict.
_TSC: Final = (
    "--noEmit --pretty false --incremental false --noCheck false --strict --strictNullChecks "
    "--noImplicitAny --noImplicitThis --strictFunctionTypes --strictBindCallApply "
    "--strictPropertyInitialization --useUnknownInCatchVariables"
)
# The tree's own configuration could take back what the plan asks for.
_OXLINTRC: Final = "/tmp/oxlintrc.json"  # noqa: S108 - in the box
PRESETS: Final = {
    "pytest": Preset(
        f"python3 -m pytest -q -p no:cacheprovider --junit-xml={REPORT}", "junit", REPORT
    ),
    "vitest": Preset(
        f"node {NODE_MODULES}/vitest/vitest.mjs run --reporter=junit --outputFile={REPORT}",
        "junit", REPORT,
        packages=True, cure="npm install, where its package.json is",
    ),
    "cargo": Preset(
        "cargo test --offline", "count", pattern=r"^test result: .*? (\d+) passed"
    ),
    "go": Preset("go test -v ./...", "count", pattern=r"^\s*--- PASS: "),
    "tsc": Preset(
        f"{{tsc}} -p . {_TSC} && {{tsc}} -p . {_TSC} --listFilesOnly > /tmp/listed && "
        f"{{ grep -v ^{NODE_MODULES}/ /tmp/listed || true; }}",
        "problems", lists=True, packages=True,
        cure="npm install --ignore-scripts, where its package.json is",
        # The last one says that a module is whatever one takes it for.
        silenced=r"@ts-(?:nocheck|ignore|expect-error)\b"
        r"|\bdeclare\s+module\s+(?P<quote>[\"'])[^\"'\n]+(?P=quote)(?!\s*\{)",
        lacking=r"error TS(?:2307|2688|7016|2875)\b[^']*'(?![./])",
    ),
    "oxlint": Preset(
        f"echo '{{}}' > {_OXLINTRC} && oxlint -c {_OXLINTRC} --disable-nested-config "
        "--format unix --no-ignore -D correctness -D suspicious -A no-array-sort "
        "-A no-array-reverse {paths}",
        "problems", program="oxlint", cure="pip install 'clubos-tui[checks]'",
        silenced=r"(?:oxlint|eslint)-disable\b",
    ),
    "squawk": Preset(
        "squawk -c /dev/null --reporter gcc --assume-in-transaction "
        "-e require-timeout-settings,prefer-robust-stmts,prefer-bigint-over-int {paths}",
        "problems", program="squawk", cure="pip install 'clubos-tui[checks]'", from_zero=True,
        silenced=r"squawk-ignore\b",
    ),
    "pre-commit": Preset(
        # It writes to its store, so it gets one of its own that knows what is in the person's.
        "git init -q . && git add -A && mkdir /tmp/hooks && "
        "if test -e {store}/db.db; then cp {store}/db.db /tmp/hooks; fi && "
        "PRE_COMMIT_HOME=/tmp/hooks pre-commit run --color never --files {changed}",
        "hooks", program="pre-commit",
        cure="pip install pre-commit, then: pre-commit install-hooks",
    ),
    "gitleaks": Preset(
        # Only what is changed, where neither a configuration nor an ignore file of the tree is.
        "mkdir /tmp/changed && cp -P --parents {changed} /tmp/changed && cd /tmp/changed && "
        "rm -f .gitleaksignore && printf '[extend]\\nuseDefault = true\\n' > /tmp/leaks.toml && "
        "printf '{{range .}}{{.File}}:{{.StartLine}}: {{.RuleID}}\\n{{end}}' > /tmp/leaks.tmpl && "
        "gitleaks dir . -c /tmp/leaks.toml --ignore-gitleaks-allow --redact --no-banner --no-color "
        "-f template --report-template /tmp/leaks.tmpl -r -",
        "problems", program="gitleaks", cure="install gitleaks from where its makers publish it",
    ),
}  # fmt: skip
"""By the name that a plan gives as ``preset``."""


def preset_of(spec: CheckSpec) -> Preset:
    """Return the preset of a check; an empty one where it has none."""
    return PRESETS.get(spec.preset) or Preset("", spec.evidence)


def with_preset(spec: CheckSpec) -> CheckSpec:
    """Return a check with what its preset knows where the plan says nothing."""
    preset = PRESETS.get(spec.preset)
    if preset is None:
        return spec
    return replace(
        spec,
        command=spec.command or preset.command,
        evidence=preset.evidence if spec.evidence == "files" else spec.evidence,
        report=spec.report or preset.report,
        pattern=spec.pattern or preset.pattern,
    )
