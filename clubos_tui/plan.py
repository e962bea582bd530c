"""The plan: an ordered list of phases, each with actions, checks and what it may touch.

Frozen values without file formats; :mod:`clubos_tui.planfile` reads them from TOML. A run keeps
its plan in the journal, so a plan that changes on disk is a new run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from clubos_tui.codec import Json, structure, unstructure

CheckKind = Literal[
    "paths",
    "json",
    "env",
    "pairs",
    "imports",
    "secrets",
    "text",
    "protected",
    "forbidden",
    "size",
    "git",
    "tamper",
    "command",
    "migrations",
    "schema",
    "syntax",
    "routes",
    "access",
    "calls",
    "reachable",
    "references",
]
SHELL = "shell:"
"""What stands before the command line of an agent that is one."""
ACP = "acp:"
"""What stands before the command line of an agent that speaks the Agent Client Protocol."""

Preset = Literal[
    "", "pytest", "vitest", "cargo", "go", "tsc", "oxlint", "squawk", "pre-commit", "gitleaks"
]  # fmt: skip
Evidence = Literal["files", "junit", "tap", "count", "problems", "hooks"]
CHECK_KINDS: tuple[str, ...] = get_args(CheckKind)
Effort = Literal["default", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)


def _help(text: str, **rules: Any) -> dict[str, Any]:
    return {"help": text, **rules}


@dataclass(frozen=True, slots=True)
class Budget:
    """What a phase, or a run, may use; 0 means no limit. Money in US cents.

    A plan that sets no limit anywhere has one of 2,000 cents a run.
    """

    cents: int = field(default=0, metadata=_help("US cents", minimum=0))
    tokens: int = field(default=0, metadata=_help("input and output tokens together", minimum=0))
    turns: int = field(default=0, metadata=_help("requests to the model", minimum=0))
    minutes: int = field(default=0, metadata=_help("minutes of agent time", minimum=0))


@dataclass(frozen=True, slots=True)
class Model:
    """Which model an agent asks, where it leaves the choice; what is empty is left open."""

    name: str = field(default="", metadata=_help("the model's id"))
    effort: Effort = field(default="default", metadata=_help("how hard it thinks"))
    base_url: str = field(
        default="", metadata=_help("where it is asked; your own settings must allow it")
    )

    def over(self, other: Model) -> Model:
        """Return this choice, with the other's where this one is open."""
        effort = other.effort if self.effort == "default" else self.effort
        return Model(self.name or other.name, effort, self.base_url or other.base_url)


@dataclass(frozen=True, slots=True)
class Needs:
    """What an agent in the box is given of this machine beside the workspace."""

    network: bool = field(default=False, metadata=_help("true: the network"))
    variables: tuple[str, ...] = field(
        default=(), metadata=_help("environment variables, with its credential among them")
    )
    home: tuple[str, ...] = field(
        default=(), metadata=_help("files of your home, of which it gets a copy")
    )

    def __bool__(self) -> bool:
        return self != Needs()

    def __str__(self) -> str:
        parts = ["the network"] if self.network else []
        parts += [f"variables {', '.join(self.variables)}"] if self.variables else []
        parts += [f"files {', '.join(f'~/{path}' for path in self.home)}"] if self.home else []
        return "; ".join(parts) or "nothing"

    def covers(self, other: Needs) -> bool:
        """Tell whether this is all of the other, or more."""
        return self.plus(other) == self

    def plus(self, other: Needs) -> Needs:
        """Return both together."""
        return Needs(
            self.network or other.network,
            tuple(dict.fromkeys(self.variables + other.variables)),
            tuple(dict.fromkeys(self.home + other.home)),
        )


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who may approve a phase, and how many different people have to."""

    named: tuple[str, ...] = field(
        default=(), metadata=_help("only these may approve, as a name or `Name <address>`")
    )
    count: int = field(
        default=1, metadata=_help("that many different people have to approve", minimum=1)
    )
    not_requester: bool = field(
        default=False, metadata=_help("true: not the one who asked for the dry run")
    )

    def __bool__(self) -> bool:
        return self != Approvers()

    def __str__(self) -> str:
        kind = "different" if self.count > 1 else ""
        parts = [people(self.count, kind)]
        parts += [f"of {', '.join(self.named)}"] if self.named else []
        parts += ["not the one who asked for the dry run"] if self.not_requester else []
        return ", ".join(parts[:2]) + "".join(f"; {part}" for part in parts[2:])

    def names(self, who: str) -> bool:
        """Tell whether ``who`` may approve as far as names go."""
        return not self.named or person(who) in map(person, self.named)


def person(name: str) -> str:
    """Return what two names of the same person have in common: the address, else the name."""
    found = _ADDRESS.search(name)
    return f"<{found[1].strip().casefold()}>" if found else name.strip()


def people(number: int, kind: str = "") -> str:
    """Return "one person", "two more people"."""
    words = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    return " ".join(filter(None, (words, kind, "person" if number == 1 else "people")))


_ADDRESS = re.compile(r"<\s*([^<>\s][^<>]*)>\s*$")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True, slots=True)
class Action:
    """One prompt to the agent."""

    id: str = field(metadata=_help("short name, unique in the plan", pattern=r"[a-z0-9][a-z0-9-]*"))
    name: str = field(metadata=_help("what people see"))
    prompt: str = field(default="", metadata=_help("what the agent is asked; default: the name"))
    blueprint: str = field(
        default="", metadata=_help("folder of files for the blueprint agent, beside the plan")
    )


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check of a checkpoint; what ``paths`` means depends on the kind."""

    name: str = field(metadata=_help("what people see"))
    kind: CheckKind = field(metadata=_help("which check"))
    paths: tuple[str, ...] = field(default=(), metadata=_help("glob patterns"))
    at_least: int = field(
        default=1, metadata=_help("fewer cases than this is unknown, never passed", minimum=1)
    )
    partner: str = field(
        default="", metadata=_help("for `pairs`: suffix of the file each one needs beside it")
    )
    pattern: str = field(
        default="",
        metadata=_help(
            "for `text`: what each file must contain; for `command`: what counts as a case in its "
            "output, or how many in a group"
        ),
    )
    schema: str = field(
        default="",
        metadata=_help("for `schema`: path of the JSON Schema; default: the one each file names"),
    )
    router: str = field(
        default="",
        metadata=_help(
            "for `routes`, `access` and `calls`: path of the module whose `route` and "
            "`publicRoute` make all routes"
        ),
    )
    services: str = field(
        default="",
        metadata=_help("for `routes`: path of the module with the interface `Services`"),
    )
    public: tuple[str, ...] = field(
        default=(),
        metadata=_help("for `access`: the routes that anyone may call, such as `GET /api/health`"),
    )
    served: tuple[str, ...] = field(
        default=(), metadata=_help("for `calls`: globs of the server's modules of routes")
    )
    roots: tuple[str, ...] = field(
        default=(), metadata=_help("for `reachable`: globs of the files a program begins with")
    )
    names: tuple[str, ...] = field(
        default=(),
        metadata=_help(
            "for `references`: what refers, such as `ai/routing.json#$.routes[*].assistant`"
        ),
    )
    among: tuple[str, ...] = field(
        default=(),
        metadata=_help("for `references`: what is referred to, such as `ai/bots/*.json#$.key`"),
    )
    mutual: bool = field(
        default=False,
        metadata=_help("for `references`: true: each of `names` must name all that is `among`"),
    )
    code: tuple[str, ...] = field(
        default=(),
        metadata=_help("for `env`: globs of the sources that read the variables it names"),
    )
    readers: tuple[str, ...] = field(
        default=(),
        metadata=_help("for `env`: methods that read the variable named by their first value"),
    )
    alike: bool = field(
        default=False, metadata=_help("for `env`: true: all templates name the same variables")
    )
    then: tuple[str, ...] = field(
        default=(),
        metadata=_help("for `migrations`: SQL files to run after them: data, assertions"),
    )
    ignored: tuple[str, ...] = field(
        default=(), metadata=_help("for `git`: paths that its rules have to ignore")
    )
    command: str = field(
        default="", metadata=_help("for `command`: the command line, run in the box on a copy")
    )
    preset: Preset = field(default="", metadata=_help("for `command`: a tool that is known"))
    evidence: Evidence = field(
        default="files",
        metadata=_help(
            "for `command`: where its cases are counted: the files of `paths`, a JUnit report, "
            "TAP in its output, `pattern` there, or `problems`: a line path:line: of its output "
            "is a fault, and the files of `paths` are the cases; `hooks`: what pre-commit prints"
        ),
    )
    report: str = field(
        default="", metadata=_help("for `command`: glob of the JUnit reports that it writes")
    )
    kilobytes: int = field(
        default=0, metadata=_help("for `size`: of each changed file; 0: no limit", minimum=0)
    )
    files: int = field(
        default=0, metadata=_help("for `size`: changed files; 0: no limit", minimum=0)
    )
    folder: str = field(
        default="", metadata=_help("for `command`: the folder of the tree in which it runs")
    )
    retries: int = field(
        default=0,
        metadata=_help(
            "for `command`: how often a failure is tried again; that it was is never left out",
            minimum=0,
        ),
    )
    canary: str = field(
        default="", metadata=_help("path of a fault that it must find when it is tried")
    )
    canary_text: str = field(default="", metadata=_help("what lies there then"))
    if_available: bool = field(
        default=False,
        metadata=_help(
            "where this machine lacks its tool, it is shown as not run and closes no gate"
        ),
    )
    inputs: tuple[str, ...] = field(
        default=(),
        metadata=_help(
            "for a check that runs a command: all it depends on, so that it need not run again "
            "where nothing of that has changed; default: the whole tree"
        ),
    )
    seconds: int = field(default=60, metadata=_help("time limit; beyond it: unknown", minimum=1))


@dataclass(frozen=True, slots=True)
class Phase:
    """An ordered part of a plan, on a branch of its own."""

    name: str = field(metadata=_help("what people see"))
    description: str = field(default="", metadata=_help("one sentence"))
    required_approval: bool = field(
        default=True, metadata=_help("false: approved by the plan once its checks pass")
    )
    approvers: Approvers | None = field(
        default=None, metadata=_help("its rule about people; default: the plan's")
    )
    rollbackable: bool = field(
        default=True, metadata=_help("false: executing asks for a typed confirmation")
    )
    agent: str = field(
        default="", metadata=_help("agent of this phase; default: the plan's", agent=True)
    )
    network: bool = field(
        default=False, metadata=_help("true: an agent that runs in the box has the network in it")
    )
    model: Model = field(default=Model(), metadata=_help("its model; default: the plan's"))
    protected: tuple[str, ...] = field(default=(), metadata=_help("paths this phase may not touch"))
    budget: Budget = field(default=Budget(), metadata=_help("limits of this phase"))
    action: tuple[Action, ...] = field(default=(), metadata=_help("in order", nonempty=True))
    check: tuple[CheckSpec, ...] = field(default=(), metadata=_help("its checkpoint"))


_URL = re.compile(r"(?:(?:ssh|https?|git|file)://\S+|/\S*|[\w.-]+@[\w.-]+:\S+)")
_KEY_IN_URL = re.compile(r"https?://[^/]*@|(?:ssh|git)://[^/@:]*:[^/@]*@")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_][\w.-]*/)+")


def url_fault(url: str) -> str:
    """Return what is wrong with a clone URL, or nothing.

    What git would take for an option or for the name of a program is no URL, and one that holds
    a key would be in the plan, the journal and every report (P12).
    """
    if _KEY_IN_URL.match(url):
        return "the clone URL holds a user or password; let git's credential helper have it"
    if _URL.fullmatch(url) and "::" not in url:
        return ""
    return f"{url!r} is no clone URL: use ssh, https, git or file, or an absolute path"


@dataclass(frozen=True, slots=True)
class RemoteSpec:
    """Where workers on other machines find the repository, and the only place they push to."""

    url: str = field(default="", metadata=_help("clone URL"))
    prefix: str = field(
        default="autogen/", metadata=_help("all that they push are branches below this")
    )

    def faults(self) -> dict[str, str]:
        """Return what is wrong, by field."""
        found = {"url": url_fault(self.url)} if self.url else {}
        if not _PREFIX.fullmatch(self.prefix) or ".." in self.prefix:
            found["prefix"] = f"{self.prefix!r} is no prefix of branches; it ends with a slash"
        return {name: fault for name, fault in found.items() if fault}


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. ``home`` is the folder that blueprint paths start from."""

    name: str = field(metadata=_help("what people see"))
    description: str = field(default="", metadata=_help("one sentence"))
    agent: str = field(default="blueprint", metadata=_help("who carries it out", agent=True))
    model: Model = field(default=Model(), metadata=_help("which model the agent asks"))
    needs: Needs = field(
        default=Needs(),
        metadata=_help("what its agents in the box are given; a person is asked first"),
    )
    protected: tuple[str, ...] = field(default=(), metadata=_help("paths no phase may touch"))
    guarded: tuple[str, ...] = field(
        default=(),
        metadata=_help("paths that judge the phases: one that touches them needs a yes for it"),
    )
    approvers: Approvers = field(
        default=Approvers(), metadata=_help("who has to approve each phase, and how many")
    )
    budget: Budget = field(default=Budget(), metadata=_help("limits of the whole run"))
    remote: RemoteSpec = field(
        default=RemoteSpec(), metadata=_help("for workers that share their runs")
    )
    phase: tuple[Phase, ...] = field(default=(), metadata=_help("in order", nonempty=True))
    home: str = ""

    def agent_of(self, number: int) -> str:
        """Return the name of the agent that carries out phase ``number`` (from 1)."""
        return self.phase[number - 1].agent or self.agent

    def model_of(self, number: int) -> Model:
        """Return the model that phase ``number`` chooses."""
        return self.phase[number - 1].model.over(self.model)

    def approvers_of(self, number: int) -> Approvers:
        """Return the rule about who approves phase ``number``; its own counts whole."""
        own = self.phase[number - 1].approvers
        return self.approvers if own is None else own

    def protected_in(self, number: int) -> tuple[str, ...]:
        """Return the patterns that phase ``number`` may not touch."""
        return self.protected + self.phase[number - 1].protected

    def to_json(self) -> Json:
        """Return the plan as the journal keeps it."""
        data = unstructure(self)
        assert isinstance(data, dict)
        return data

    @classmethod
    def from_json(cls, data: Json) -> Plan:
        """Return the plan that a journal keeps."""
        return structure(cls, data)
