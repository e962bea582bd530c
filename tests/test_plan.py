"""Plans: the built-in one is the original framework's, and a bad one says everything at once."""

import dataclasses
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clubos_tui import planfile
from clubos_tui.changes.paths import collision, refusal
from clubos_tui.checks import KINDS
from clubos_tui.errors import PlanError, UsageError, exit_code
from clubos_tui.plan import CHECK_KINDS, Action, Budget, CheckSpec, Phase, Plan

# From the original framework, word for word.
ORIGINAL = [
    ("Infrastructure Setup", "Create directories and base config", False, True,
     ["Create directory structure", "Initialize git repository", "Create .env templates"]),
    ("Database Schema", "Create PostgreSQL schema and migrations", True, True,
     ["Generate migration files", "Create rollback scripts", "Validate schema"]),
    ("Core Services", "Generate routing engine and services", True, True,
     ["Create TypeScript services", "Generate API routes", "Build authentication"]),
    ("AI Integration", "Connect OpenAI and Claude services", True, True,
     ["Create assistant configs", "Set up knowledge router", "Configure Claude engine"]),
    ("UI Components", "Generate frontend components", True, True,
     ["Create React components", "Generate admin panels", "Build approval interfaces"]),
]  # fmt: skip

SMALL = 'name = "P"\n[[phase]]\nname = "One"\n[[phase.action]]\nid = "a"\nname = "A"\n'


@pytest.fixture(scope="module")
def built_in():
    return planfile.built_in()


def faults(text):
    """Return the faults of a plan as (line, message, suggestion)."""
    with pytest.raises(PlanError) as caught:
        planfile.parse(text, file="p.toml")
    assert exit_code(caught.value) == 2
    assert all(fault.file == "p.toml" for fault in caught.value.faults)
    return [(fault.line, fault.message, fault.suggestion) for fault in caught.value.faults]


def with_check(lines):
    return f'{SMALL}[[phase.check]]\nname = "c"\n{lines}\n'


# --- the built-in plan --------------------------------------------------------------------------


def test_the_built_in_plan_is_the_original_frameworks(built_in):
    assert [
        (phase.name, phase.description, phase.required_approval, phase.rollbackable,
         [action.name for action in phase.action])
        for phase in built_in.phase
    ] == ORIGINAL  # fmt: skip
    assert sum(len(phase.action) for phase in built_in.phase) == 15


def test_every_action_has_a_blueprint_and_no_file_belongs_to_two(built_in):
    owner: dict[str, str] = {}
    for phase in built_in.phase:
        for action in phase.action:
            folder = Path(built_in.home, action.blueprint)
            files = [path for path in folder.rglob("*") if path.is_file()]
            assert files, f"{action.id} writes nothing"
            for path in files:
                name = path.relative_to(folder).as_posix()
                assert owner.setdefault(name, action.id) == action.id
                assert refusal(name) is None
                assert name.startswith("clubos/"), "it must never meet a project's own files"
    assert collision(sorted(owner)) is None
    shipped = Path(built_in.home, "blueprint").rglob("*")
    assert len(owner) == sum(path.is_file() for path in shipped), "a file no action writes"


def test_p7_every_phase_of_the_built_in_plan_is_gated(built_in):
    for phase in built_in.phase:
        assert any(not check.if_available for check in phase.check), phase.name
        assert any(check.kind == "secrets" for check in phase.check), phase.name


def test_every_kind_of_check_a_plan_may_name_exists():
    assert set(CHECK_KINDS) == set(KINDS)


def test_a_plan_survives_the_journal(built_in):
    assert Plan.from_json(built_in.to_json()) == built_in


TEXT = st.text(max_size=6)
SPECS = st.builds(
    CheckSpec, TEXT, st.sampled_from(CHECK_KINDS), st.tuples(TEXT), seconds=st.just(3)
)
PLANS = st.builds(
    Plan,
    name=TEXT,
    agent=TEXT,
    protected=st.tuples(TEXT, TEXT),
    budget=st.builds(Budget, *[st.integers(0, 9)] * 4),
    phase=st.lists(
        st.builds(
            Phase,
            TEXT,
            required_approval=st.booleans(),
            rollbackable=st.booleans(),
            action=st.lists(st.builds(Action, TEXT, TEXT, TEXT), max_size=2).map(tuple),
            check=st.lists(SPECS, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(deadline=None, max_examples=50)
@given(PLANS)
def test_any_plan_survives_the_journal(plan):
    assert Plan.from_json(plan.to_json()) == plan


def test_agents_and_protected_paths_of_a_phase():
    plan = Plan("P", agent="one", protected=("a",),
                phase=(Phase("x"), Phase("y", agent="two", protected=("b",))))  # fmt: skip
    assert [plan.agent_of(1), plan.agent_of(2)] == ["one", "two"]
    assert [plan.protected_in(1), plan.protected_in(2)] == [("a",), ("a", "b")]


# --- what is wrong with one ---------------------------------------------------------------------


def test_a_small_plan_is_read(tmp_path):
    path = tmp_path / "clubos.toml"
    path.write_text(SMALL)
    plan = planfile.read(str(path))
    assert plan.phase[0].required_approval, "an approval is needed unless the plan says otherwise"
    assert plan.home == str(tmp_path)


def test_all_faults_come_at_once_each_with_line_and_suggestion():
    text = """\
nam = "P"
agent = 5
[[phase]]
name = "One"
required_aproval = false
rollbackable = "yes"
[phase.budget]
minutes = -1
[[phase.action]]
id = "Not An Id"
name = "A"
[[phase.action]]
nme = "B"
[[phase.check]]
name = "c"
kind = "path"
at_least = 0
paths = "x"
seconds = 1.5
"""
    assert faults(text) == [
        (1, "unknown key 'nam' in the plan", "name"),
        (1, "the plan lacks the key 'name'", ""),
        (2, "agent must be a text, not a whole number", ""),
        (5, "unknown key 'required_aproval' in phase[1]", "required_approval"),
        (6, "phase[1].rollbackable must be true or false, not a text", ""),
        (8, "phase[1].budget.minutes must be at least 0", ""),
        (10, "phase[1].action[1].id must be lower case letters, digits and hyphens", ""),
        (12, "phase[1].action[2] lacks the key 'id'", ""),
        (12, "phase[1].action[2] lacks the key 'name'", ""),
        (13, "unknown key 'nme' in phase[1].action[2]", "name"),
        (16, f"phase[1].check[1].kind must be one of {', '.join(CHECK_KINDS)}, not 'path'",
         "paths"),
        (17, "phase[1].check[1].at_least must be at least 1", ""),
        (18, "phase[1].check[1].paths must be a list, not a text", ""),
        (19, "phase[1].check[1].seconds must be a whole number, not a number with a point", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        'description = """\n[[phase]]\nnam = 1\n"""',
        "description = '''\n[[phase]]\nit's\n'''",
        "# a ''' and a \"\"\"\n# [[phase]]\n#\n#",
        "description = \"'''\"\n\n\n",
        'agent = "a\u2028b\x85c"  # \u2028 \x85\n\n\n',
        'description = """ \\""" \n [phase.budget]\n\n"""',
        'protected = [\n  "[[phase]]",\n  "a",\n]',
    ],
)
def test_texts_and_comments_do_not_shift_lines(text):
    """A pattern or prompt may hold anything, and the next fault still has its own line."""
    assert faults(f"{text}\n{SMALL}oops = 1\n") == [
        (11, "unknown key 'oops' in phase[1].action[1]", "")
    ]


def test_an_inline_table_has_the_line_of_its_key():
    text = 'name = "P"\n\n[[phase]]\nname = "x"\naction = [{ id = "a", name = "b", c = 1 }]\n'
    assert faults(text) == [(5, "unknown key 'c' in phase[1].action[1]", "")]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('name = "P"\n', 1, "needs at least one [[phase]]"),
        ('name = "P"\nphase = []\n', 2, "phase must not be empty"),
        ('name = "P"\n[[phase]]\nname = "x"\n', 2, "needs at least one [[phase.action]]"),
        ('name = "P"\n[[phase]]\nname = "x"\naction = []\n', 4, "must not be empty"),
        ('name = "P"\n[phase]\nname = "x"\n', 2, "phase must be a list, not a table"),
        ('name = "P"\nphase = ["x"]\n', 2, "phase[1] must be a table, not a text"),
        (f'{SMALL}[[phase.action]]\nid = "a"\nname = "B"\n', 8, "action id 'a' is used twice"),
        ('name = "P"\n[[phase]\n', 2, "not TOML"),
        ('name = "P"\nname = "Q"\n', 2, "not TOML"),
    ],
)
def test_a_plan_without_what_it_needs_is_refused(text, line, said):
    assert any(fault[0] == line and said in fault[1] for fault in faults(text))


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ('kind = "text"\npaths = ["a"]', 7, "needs the key 'pattern'"),
        ('kind = "pairs"\npaths = ["a"]', 7, "needs the key 'partner'"),
        ('kind = "paths"', 7, "needs the key 'paths'"),
        ('kind = "text"\npaths = ["a"]\npattern = "("', 11, "is no pattern"),
        ('kind = "secrets"\n[[phase.check]]\nname = "c"\nkind = "secrets"', 11, "is used twice"),
    ],
)
def test_p7_a_check_that_can_not_fail_or_is_hidden_is_refused(lines, line, said):
    """Two of one name would overwrite each other's evidence; a pattern of nothing fits all."""
    found = faults(with_check(lines))
    assert any(fault[0] == line and said in fault[1] for fault in found)


def test_a_plan_that_can_not_be_read_is_one_clear_message(tmp_path):
    with pytest.raises(UsageError, match="cannot be read") as caught:
        planfile.read(str(tmp_path / "none.toml"))
    assert caught.value.cure
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(UsageError, match="cannot be read"):
        planfile.read(str(tmp_path / "latin.toml"))


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="[]p.=\"'#\n \\a1", max_size=60))
def test_any_text_is_a_plan_or_a_plan_error(text):
    with pytest.raises(PlanError):
        planfile.parse(text, file="x")


# --- the schema ---------------------------------------------------------------------------------


def holds(schema, value, where="plan"):
    """Tell where ``value`` breaks ``schema``; knows the few words that the plan's schema uses."""
    if "enum" in schema:
        return [] if value in schema["enum"] else [where]
    if "anyOf" in schema:
        return [] if any(not holds(one, value, where) for one in schema["anyOf"]) else [where]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    kind = kinds[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return [where]
    broken = []
    if kind is dict:
        broken += [f"{where} lacks {name}" for name in schema["required"] if name not in value]
        broken += [f"{where}.{name}" for name in value if name not in schema["properties"]]
        for name in value.keys() & schema["properties"].keys():
            broken += holds(schema["properties"][name], value[name], f"{where}.{name}")
    if kind is list:
        broken += [where] * (len(value) < schema.get("minItems", 0))
        for item in value:
            broken += holds(schema["items"], item, where)
    if kind is str and not re.search(schema.get("pattern", ""), value):
        broken.append(where)
    if kind is int and value < schema.get("minimum", value):
        broken.append(where)
    return broken


def test_the_schema_takes_the_built_in_plan_and_refuses_what_the_reader_refuses(built_in):
    data = planfile.tomllib.loads(Path(built_in.home, "plan.toml").read_text())
    schema = planfile.schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert holds(schema, data) == []
    data["phase"][0]["required_aproval"] = False
    data["phase"][1]["action"] = []
    data["phase"][2]["check"][0]["kind"] = "path"
    data["phase"][3]["action"][0]["id"] = "Bad Id"
    data["phase"][4]["check"][0]["at_least"] = 0
    del data["name"]
    assert holds(schema, data) == [
        "plan lacks name", "plan.phase.required_aproval", "plan.phase.action",
        "plan.phase.check.kind", "plan.phase.action.id", "plan.phase.check.at_least",
    ]  # fmt: skip


def test_the_schema_says_what_every_key_is_for():
    def described(node):
        if isinstance(node, dict):
            for name, item in node.get("properties", {}).items():
                assert item["description"], name
            for item in node.values():
                described(item)

    described(planfile.schema())
    assert os.path.basename(planfile.FILE_NAME) == "clubos.toml"
    assert "home" not in planfile.schema()["properties"], "no file says where it lies"
    assert {field.name for field in dataclasses.fields(Plan)} > set(planfile.schema()["required"])


@pytest.mark.parametrize("kind", ["shell", "acp"])
@pytest.mark.parametrize("where", ["plan", "phase"])
def test_an_agent_may_be_a_command_line(where, kind):
    text = SMALL
    table = f'agent = {{ {kind} = "make it" }}\n'
    text = (
        table + text if where == "plan" else text.replace("[[phase]]\n", f"[[phase]]\n{table}", 1)
    )
    plan = planfile.parse(text, file="x")
    assert plan.agent_of(1) == f"{kind}:make it"
    assert holds(planfile.schema(), planfile.tomllib.loads(text)) == []


def test_p8_what_an_agent_needs_is_named_and_lies_in_the_home():
    text = f'needs = {{ network = true, variables = ["KEY"], home = [".agent/auth"] }}\n{SMALL}'
    needs = planfile.parse(text, file="x").needs
    assert str(needs) == "the network; variables KEY; files ~/.agent/auth"
    for path in ("/etc/shadow", "../other", "a/../../b", "~/x"):
        wrong = text.replace(".agent/auth", path)
        assert any("must be a path within your home" in fault[1] for fault in faults(wrong))


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "HOME", "A=B", "", "GIT_DIR"])
def test_p8_a_variable_that_steers_our_own_programs_is_not_given(name):
    text = f'needs = {{ variables = ["{name}"] }}\n{SMALL}'
    assert any("can't be given" in fault[1] for fault in faults(text))


@pytest.mark.parametrize("table", ["{}", '{ shell = " " }', "{ shell = 7 }", '{ shel = "x" }',
                                   '{ shell = "x", network = true }'])  # fmt: skip
def test_an_agent_that_is_no_command_line_is_refused(table):
    text = f"agent = {table}\n{SMALL}"
    assert any(fault[0] == 1 and "must be a name, {" in fault[1] for fault in faults(text))


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("routes", "router"), ("access", "router"), ("calls", "served"), ("reachable", "roots"),
        ("references", "names"), ("references", "among"), ("syntax", "paths"),
    ],
)  # fmt: skip
def test_p7_a_check_on_sources_needs_what_it_compares_with(kind, lacks):
    keys = {"paths": '["a"]', "router": '"a"', "served": '["a"]', "roots": '["a"]',
            "names": '["a#b"]', "among": '["a#b"]'}  # fmt: skip
    given = "\n".join(f"{key} = {value}" for key, value in keys.items() if key != lacks)
    found = faults(with_check(f'kind = "{kind}"\n{given}'))
    assert [message for _, message, _ in found] == [
        f"phase[1].check[1] is a {kind!r} check and needs the key {lacks!r}"
    ]


@pytest.mark.parametrize("selector", ["a.json", "#$.a", "a.json#$a", "a.json#$.a[0]", "a b# c"])
def test_a_selector_that_selects_nothing_is_refused_with_its_line(selector):
    found = faults(with_check(f'kind = "references"\nnames = ["{selector}"]\namong = ["a#b"]'))
    assert [(line, "must be a glob" in message) for line, message, _ in found] == [(10, True)]
