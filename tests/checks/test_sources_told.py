"""What a check on sources can tell, what it says where it can't, and which line it names."""

import pytest
from support.check_tree import SERVER, Tree, failed

from clubos_tui.checks.sources.jsontree import line_at, twice
from clubos_tui.checks.sources.names import selected
from clubos_tui.checks.sources.sql import sql_names


@pytest.fixture
def tree(tmp_path):
    return lambda files: Tree(tmp_path / "tree", files)


def server(tree, kind, *paths, edits=None, **fields):
    fields = {"router": "router.ts", "public": ("GET /health",), **fields}
    return tree({**SERVER, **(edits or {})}).check(kind, *(paths or ("routes/*.ts",)), **fields)


# --- sources ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["syntax", "routes", "access", "calls", "reachable"])
def test_a_source_that_is_no_text_is_failed(tree, kind):
    made = tree(SERVER)
    made.put("routes/x.ts", b"\xff\xfe")
    fields = {"router": "router.ts", "served": ("routes/*.ts",), "roots": ("routes/*.ts",)}
    assert failed(made.check(kind, "routes/*.ts", **fields), "routes/x.ts is not UTF-8 text")


@pytest.mark.parametrize("kind", ["routes", "access", "calls", "reachable"])
def test_a_source_that_does_not_parse_is_failed_and_not_left_out(tree, kind):
    made = tree({**SERVER, "routes/y.ts": "let x =\nconst = 1;\n"})
    fields = {"router": "router.ts", "served": ("routes/*.ts",), "roots": ("routes/*.ts",)}
    assert failed(made.check(kind, "routes/*.ts", **fields), "routes/y.ts:")


def test_only_the_first_faults_of_a_file_are_named(tree):
    verdict = tree({"a.ts": "let = ;\n" * 9}).check("syntax", "a.ts")
    assert len(verdict.evidence) == 3


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.ts", "const a = <T>(x: T) => x;\nlet b = <number>c;\n"),
        ("a.tsx", "const a = <T,>(x: T) => <b c={x}>{x}</b>;\n"),
        ("a.js", "const a = <b>c</b>;\nexport default class {}\n"),
        ("a.jsx", "const a = <svg><switch /><var>{b}</var></svg>;\n"),
        ("b.ts", "export { default } from './a.js';\nexport { b as default };\nx.const = 1;\n"),
        ("a.mjs", "export const a = await import('x');\n"),
        ("a.d.ts", "declare module 'x' { export const a: number; }\n"),
    ],
)
def test_each_ending_has_its_grammar(tree, path, source):
    assert tree({path: source}).check("syntax", path).outcome == "passed"


# --- a server -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["routes", "access", "calls"])
@pytest.mark.parametrize(
    ("source", "says"),
    [(None, "router.ts is not there"), ("export const route = 1;\n", "exports no publicRoute")],
)
def test_without_a_router_nothing_passes(tree, kind, source, says):
    made = tree(SERVER)
    made.take("router.ts")
    if source:
        made.put("router.ts", source)
    fields = {"router": "router.ts", "served": ("routes/*.ts",)}
    assert failed(made.check(kind, "routes/*.ts", **fields), says)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("export const services = {};\n", "services.ts:1: has no interface Services"),
        ("export interface Services {\n  club: Club }\n", "services.ts:2: the class of club"),
        ("import { Klub } from './club.js';\nexport interface Services { club: Klub }\n",
         "club.ts:1: has no class Klub"),
    ],
)  # fmt: skip
def test_services_that_can_not_be_found_are_failed(tree, source, says):
    edits = {"services.ts": source}
    assert failed(server(tree, "routes", edits=edits, services="services.ts"), says)


def test_a_method_that_is_a_field_counts(tree):
    edits = {"club.ts": "export class Club { find = (id: string) => id; }\n"}
    assert server(tree, "routes", edits=edits, services="services.ts").outcome == "passed"


HANDLERS = {
    "a whole request": "(request) => services.club.find(request.params.text('id'))",
    "another name": "({ params: p }) => services.club.find(p.text('id'))",
    "a function": "function ({ params }) { return params.optional('id', (f) => f.text('id')); }",
    "a name of the file": "answer",
    "a name of another file": "other",
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_handler_may_have_many_forms(tree, handler):
    source = SERVER["routes/x.ts"].replace(
        "({ params }) =>\n    services.club.find(params.text('id'))", handler
    )
    source += "const answer = ({ params }) => params.text('id');\n"
    source = "import { answer as other } from '../other.js';\n" + source
    edits = {
        "routes/x.ts": source,
        "other.ts": "export function answer({ params }) { return params.uuid('id'); }\n",
    }
    assert handler in source
    assert server(tree, "routes", edits=edits).outcome == "passed"


@pytest.mark.parametrize(
    "handler",
    [
        "(request) => other(request)", "({ params: { id } }) => id", "(...all) => all",
        "({ ...rest }) => rest.params.text('id')", "({ params }) => ({ ...params })",
    ],
)  # fmt: skip
def test_p7_a_handler_that_can_not_be_followed_is_failed(tree, handler):
    source = SERVER["routes/x.ts"].replace(
        "({ params }) =>\n    services.club.find(params.text('id'))", handler
    )
    assert failed(server(tree, "routes", edits={"routes/x.ts": source}), "routes/x.ts:4: ")


# --- calls --------------------------------------------------------------------------------------

SENDERS = """\
function send(m, p) { return fetch(p, { method: m }); }
const put = (p) => send('PUT', p);
put('/health');"""
CALLS = {
    "fetch": ("fetch('/health');", ""),
    "a method": ("fetch('/x/1', { method: 'GET', headers });", ""),
    "another server": ("fetch('https://example.com/x');", ""),
    "a query": ("fetch(`/x/${id}?a=${a}&b`);", ""),
    "another method": ("fetch('/health', { method: 'POST' });", "the server has only GET"),
    "options that are computed": ("fetch('/health', options);", "the method of this call"),
    "half a segment": ("fetch(`/x/a${id}`);", "the path of this call is computed"),
    "a name for the path": ("fetch(HEALTH);", "the path of this call is computed"),
    "a sender": ("const get = (p) => fetch(p);\nget('/healths');", "ui.ts:2: GET /healths"),
    "a sender of senders": (
        SENDERS,
        "ui.ts:3: PUT /health meets no route: the server has only GET",
    ),
    "what awaits a type": ("async () => await get<X>('/healths');\nconst get = (p) => fetch(p);",
                           "ui.ts:1: GET /healths meets no route"),
    "an unknown sender": ("axios.get('/x/1');", "ui.ts:1: /x/1 is the path of no call"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "says"), CALLS.values(), ids=CALLS)
def test_what_a_call_meets(tree, source, says):
    verdict = server(
        tree, "calls", "ui.ts", edits={"ui.ts": source + "\n"}, served=("routes/*.ts",)
    )
    assert failed(verdict, says) if says else verdict.outcome == "passed", verdict


def test_a_sender_may_have_another_name_where_it_is_imported(tree):
    edits = {
        "ui/a.ts": "export function send(m: string, p: string) { return fetch(p, { method: m }); }",
        "ui/b.ts": "import { send as ask } from './a.js';\nask('GET', '/healths');\n",
    }
    verdict = server(tree, "calls", "ui/*.ts", edits=edits, served=("routes/*.ts",))
    assert failed(verdict, "ui/b.ts:2: GET /healths meets no route")


# --- what is reached ----------------------------------------------------------------------------

REACHED = {
    "a name": ("import { A } from './a.js';\nrender(<A />);", True),
    "the default": ("import X from './a.js';\nrender(X);", True),
    "the whole": ("import * as a from './a.js';\nrender(a.A);", True),
    "passed on": ("import { B } from './pass.js';\nrender(B);", True),
    "all passed on": ("import { A } from './all.js';\nrender(A);", True),
    "when it runs": ("render(lazy(() => import('./a.js')));", True),
    "in a list": ("import { A } from './a.js';\nconst L = { A };\nrender(L);", True),
    "only imported": ("import { A } from './a.js';\nrender();", False),
    "only a type": ("import { A } from './a.js';\nlet x: typeof A;\nrender(x as typeof A);", False),
    "a list that nothing uses": ("import { A } from './a.js';\nconst L = [A];\nrender();", False),
    "a property of that name": ("import { A } from './a.js';\nrender(x.A);", False),
}


@pytest.mark.parametrize(("source", "reached"), REACHED.values(), ids=REACHED)
def test_what_reaches_a_component(tree, source, reached):
    files = {
        "main.tsx": source + "\n",
        "a.tsx": "export function A() { return <i />; }\nexport default A;\n",
        "pass.ts": "export { A as B } from './a.js';\n",
        "all.ts": "export * from './a.js';\n",
    }
    verdict = tree(files).check("reachable", "a.tsx", roots=("main.tsx",))
    assert verdict.outcome == ("passed" if reached else "failed"), verdict
    assert reached or failed(verdict, "a.tsx:1: ")


def test_without_its_roots_nothing_is_reached(tree):
    verdict = tree({"a.ts": "export const a = 1;\n"}).check("reachable", "a.ts", roots=("b.ts",))
    assert failed(verdict, "nothing matches b.ts")


def test_a_file_of_types_needs_nobody(tree):
    files = {"main.ts": "run();\n", "types.ts": "export interface A { b: string }\n"}
    assert tree(files).check("reachable", "types.ts", roots=("main.ts",)).outcome == "passed"


# --- names --------------------------------------------------------------------------------------

NAMES = {
    "a.json#$.x[*].y": [("one", 2), ("two", 3)],
    "a.json#$.x[*]~": [("y", 2), ("y", 3)],
    "a.json#$.z~": [("k l", 4)],
    "a.json#$.z[*]": [("tü", 4)],
    ".env.example#B": [("2", 4)],
    "a.ts#LIST": [("one", 1), ("two", 2)],
    "a.ts#TABLE": [("a", 3), ("b", 4), ("c d", 5), ("e", 6)],
    "a.ts#read(NAME)": [("value", 7)],
    "a.sql#kind": [("one", 2), ("it's", 3)],
    "a.sql#things.slug": [("first", 6), ("second", 7)],
}
NAMED = {
    "a.json": '{"x": [\n {"y": "one"},\n {"y": "two"}],\n "z": {"k l": "t\\u00fc"}}\n',
    ".env.example": "# B=1\nA=1\n\nB=2\n",
    "a.ts": 'const LIST = ["one",\n  "two"] as const;\nconst TABLE = { a: 1,\n  b() {},\n'
            '  "c d": 1,\n  e };\nreader.read("NAME", "value");\nreader.read("OTHER", "x");\n',
    "a.sql": "create type kind as enum (\n 'one', -- 'two'\n 'it''s');\n"
             "insert into things (name, slug) values\n"
             "  -- ('no', 'no')\n  (concat('a', ','), 'first'),\n  ('b(', E'second') on x;\n",
}  # fmt: skip


@pytest.mark.parametrize("selector", NAMES)
def test_a_selector_finds_names_and_their_lines(tree, selector):
    found = selected(tree(NAMED).subject(), selector)
    assert [(item.name, item.line) for item in found] == NAMES[selector]


def test_p7_a_selector_that_finds_nothing_is_unknown(tree):
    made = tree(NAMED)
    good = {"names": ("a.ts#LIST",), "among": ("a.json#$.x[*].y",)}
    assert made.check("references", **good).outcome == "passed"
    for key, silent in (("names", "a.json#$.none"), ("among", "none.json#$.x")):
        verdict = made.check("references", **{**good, key: (*good[key], silent)})
        assert (verdict.outcome, verdict.summary) == ("unknown", f"nothing is named by {silent}")


def test_p7_names_that_are_computed_are_failed(tree):
    made = tree({**NAMED, "b.ts": "const LIST = [\n  ...more,\n];\n"})
    fields = {"among": ("a.json#$.x[*].y",), "mutual": True}
    verdict = made.check("references", names=("a.ts#LIST", "b.ts#LIST"), **fields)
    assert failed(verdict, "b.ts:2: what LIST holds here is computed")


def test_json_has_lines():
    text = '{\n"a": [1,\n{"b": 2}],\n"a": 3}'
    assert line_at(text, ["a", 1, "b"]) == 3
    assert line_at(text, ["a", 9]) == 2
    assert twice(text) == 4
    assert twice('{"a": {"a": 1}}') == 0


def test_sql_that_is_cut_off_ends():
    assert list(sql_names("create type t as enum ('a', 'b", "t")) == []


# --- environment templates ----------------------------------------------------------------------


def test_a_fault_behind_empty_lines_names_its_own_line(tree):
    files = {".env.example": "A=1\n\n\nA=2\n\n\nAPI_KEY=real\n"}
    verdict = tree(files).check("env", ".env.example")
    assert verdict.evidence == (
        ".env.example:4 names A twice", ".env.example:7 gives API_KEY a value"
    )  # fmt: skip


READS = {
    "a member": ("process.env.B;", "x.ts:1: reads B, which no template names"),
    "a subscript": ("process.env['B'];", "reads B"),
    "a bundler's": ("import.meta.env.VITE_B;", "reads VITE_B"),
    "taken apart": ("const { A, B: b = 1 } = process.env;", "reads B"),
    "computed": ("process.env[name];", "is computed"),
    "handed on": ("load(process.env);", "is computed"),
    "the rest": ("const { A, ...rest } = process.env;", "is computed"),
    "nothing": ("1;", "a.example:1: names A, which nothing reads"),
}


@pytest.mark.parametrize(("source", "says"), READS.values(), ids=READS)
def test_what_code_reads(tree, source, says):
    made = tree({"a.example": "A=1\n", "x.ts": source + "\n"})
    assert failed(made.check("env", "a.example", code=("x.ts",)), says)


def test_what_a_bundler_always_sets_needs_no_template(tree):
    made = tree({"a.example": "A=1\n", "x.ts": "process.env.A;\nimport.meta.env.DEV;\n"})
    assert made.check("env", "a.example", code=("x.ts",)).outcome == "passed"
