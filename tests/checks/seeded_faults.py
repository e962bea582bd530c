"""Faults in what the built-in plan builds, each with the check that must find it, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from support import built_in

__all__ = ["SEEDED", "Edit", "Seeded"]

SRC, UI, AI, ENV = "clubos/src/", "clubos/ui/src/", "clubos/ai/", "clubos/config/env/"
ROUTES, API = f"{SRC}routes/", f"{UI}api/client.ts"
CONFIG, TEMPLATE = f"{SRC}config/env.ts", "clubos/.env.example"
SEEDS, ENUM = (
    "clubos/database/seeds/club.sql",
    "clubos/database/migrations/0004_conversations.up.sql",
)
# Of parts, so that no scanner takes the seeded fault for a real one.
KEY = "AKIA" + "SEEDED" + "0123456789"


@dataclass(frozen=True)
class Edit:
    """A text in place of another one; without the other one it is added at the end."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Seeded:
    """What is done to a phase's tree, and what a check of it must say of which line."""

    phase: int
    check: str
    edits: tuple[Edit, ...]
    says: str
    at: tuple[str, str] | None = None
    """The file and a text in the line that is named; default: the first edit and its new text."""
    line: int = 0
    """The number of the line, where no text marks it."""

    def texts(self) -> dict[str, str]:
        """Return the files as they are with the fault."""
        texts: dict[str, str] = {}
        for edit in self.edits:
            try:
                text = texts.get(edit.path) or built_in.text(self.phase, edit.path)
            except KeyError:
                text = ""
            assert edit.old in text, f"{edit.path} holds no {edit.old!r}"
            new = text.replace(edit.old, edit.new, 1) if edit.old else f"{text}{edit.new}\n"
            texts[edit.path] = new
        return texts

    def place(self) -> str:
        """Return the file and the number of the line that the check must name."""
        first = self.edits[0]
        path, mark = self.at or (first.path, "")
        if self.line:
            return f"{path}:{self.line}"
        text = self.texts().get(path) or built_in.text(self.phase, path)
        assert mark in text, f"{path} holds no {mark!r}"
        place = text.index(mark) if self.at else self._edited(first)
        return f"{path}:{text.count(chr(10), 0, place) + 1}"

    def _edited(self, edit: Edit) -> int:
        before = built_in.text(self.phase, edit.path)
        place = before.index(edit.old) if edit.old else len(before)
        return place + len(edit.new) - len(edit.new.lstrip())


@dataclass
class _Of:
    """The faults that one check of a phase must find."""

    phase: int
    check: str
    rows: list[Seeded] = field(default_factory=list)

    def add(self, path, old, new, says, *, at=None, line=0, more=()) -> _Of:
        edits = (Edit(path, old, new), *(Edit(*one) for one in more))
        self.rows.append(Seeded(self.phase, self.check, edits, says, at, line))
        return self


# --- phase 1 ------------------------------------------------------------------------------------

JSON = (
    _Of(1, "package files are JSON")
    .add("clubos/package.json", '"private": true,', '"private": true,,', "double quotes")
    .add("clubos/tsconfig.json", '"strict": true,', '"strict": true,\n    "strict": false,',
         "'strict' stands twice", at=("clubos/tsconfig.json", '"strict": false'))
    .add("clubos/tsconfig.server.json", '"rootDir": "src",', '"rootDir": "src"', "',' delimiter",
         at=("clubos/tsconfig.server.json", '"outDir"'))
)  # fmt: skip

TEMPLATES = (
    _Of(1, ".env templates parse and hold no secret")
    .add(TEMPLATE, "\nPORT=3000", "\nPORT 3000", "is not KEY=value")
    .add(f"{ENV}production.env.example", "HOST=0.0.0.0\n", "HOST=0.0.0.0\nPORT=1\n",
         "names PORT twice", at=(f"{ENV}production.env.example", "PORT=3000"))
    .add(f"{ENV}test.env.example", "SESSION_SECRET=\n", "SESSION_SECRET=4f1c9e\n",
         "gives SESSION_SECRET a value")
    .add(f"{ENV}test.env.example", "BODY_LIMIT_KB=64\n", "",
         f"names BODY_LIMIT_KB, which {ENV}test.env.example does not",
         at=(TEMPLATE, "BODY_LIMIT_KB"))
    .add(f"{ENV}development.env.example", "PORT=3000", "PORT=3000\n\nMAIL_URL=smtp:",
         f"names MAIL_URL, which {ENV}production.env.example does not",
         at=(f"{ENV}development.env.example", "MAIL_URL"))
)  # fmt: skip

KEYS = _Of(1, "no secrets").add("clubos/README.md", "# ClubOS V2", f"# ClubOS V2\n{KEY}",
                                "an AWS access key", at=("clubos/README.md", KEY))  # fmt: skip

# --- phase 3 ------------------------------------------------------------------------------------

PARSE = (
    _Of(3, "sources parse")
    .add(f"{SRC}database/pool.ts", "", "const broken = [1, 2;", "] is missing")
    .add(
        f"{SRC}http/server.ts",
        "bodyLimitBytes: number;",
        "bodyLimitBytes: number ! string;",
        "does not parse: number !",
    )
    .add(f"{ROUTES}audit.ts", 'publicRoute("GET",', 'publicRoute("GET" "GET",', 'parse: "GET"')
    .add(f"{SRC}services/audit.ts", "", "}", "does not parse")
    .add(f"{SRC}auth/password.ts", "", "function () => {}", "does not parse")
)

HANDLERS = (
    _Of(3, "routes match their handlers")
    .add(f"{ROUTES}members.ts", "members.list(", "members.lst(", "members has no method lst")
    .add(f"{ROUTES}members.ts", "services.members.list(", "services.member.list(",
         "there is no service member")
    .add(f"{ROUTES}members.ts", "services.members.list(", 'services["members"].list(', "computed")
    .add(f"{ROUTES}members.ts", "members.list(", "members[name](", "computed")
    .add(f"{ROUTES}members.ts", "services.members.update(", "services.members.lock(",
         "members has no method lock")
    .add(f"{ROUTES}conversations.ts",
         'setStatus(actor, params.uuid("id"), body.oneOf("status", CONVERSATION_STATUSES))',
         'setStatus(actor, params.uuid("id"))', "setStatus takes 3 values, not 2")
    .add(f"{SRC}services/members.ts", "  async get(id: string)", "  async fetch(id: string)",
         "members has no method get", at=(f"{ROUTES}auth.ts", '"/api/auth/me"'))
    .add(f"{SRC}services/knowledge.ts", "  articles(): ", "  private articles(): ",
         "knowledge has no method articles", at=(f"{ROUTES}knowledge.ts", "knowledge.articles()"))
    .add(f"{SRC}services/index.ts", 'from "./members.js"', 'from "./member.js"',
         "the class of members can't be found",
         at=(f"{SRC}services/index.ts", "members: MemberService;"))
    .add(f"{ROUTES}knowledge.ts", "() => services.knowledge.articles()", "listArticles",
         "not defined and not imported")
    .add(f"{ROUTES}knowledge.ts", "() => services.knowledge.articles()", '"articles"',
         "is no function")
    .add(f"{ROUTES}knowledge.ts", "() => services.knowledge.articles()", "DECISIONS",
         "is no function")
    .add(f"{ROUTES}bookings.ts", "() => services.bookings.bays()", "BAY_STATUSES",
         "is no function")
    .add(f"{ROUTES}bookings.ts", "() => services.bookings.bays()", "listBays",
         "exports no listBays",
         more=((f"{ROUTES}bookings.ts", "{ BAY_STATUSES }", "{ BAY_STATUSES, listBays }"),),
         at=(f"{ROUTES}bookings.ts", '"/api/bays"'))
    .add(f"{ROUTES}members.ts", '({ params }) => services.members.get(params.uuid("id"))',
         '({ query }) => services.members.get(query.uuid("id"))', 'never reads ":id"')
    .add(f"{ROUTES}bookings.ts", "/api/bays/:id", "/api/bays/:bay", 'never reads ":bay"')
    .add(f"{ROUTES}bookings.ts", 'cancel(actor, params.uuid("id")',
         'cancel(actor, params.uuid("ident")', 'has no ":ident"')
    .add(f"{ROUTES}knowledge.ts", 'article(params.slug("slug"))', "article(params.slug(SLUG))",
         "reads of its path is computed")
    .add(f"{ROUTES}knowledge.ts", 'article(params.slug("slug"))', "article(slugOf(params))",
         "reads of its path is computed")
    .add(f"{ROUTES}bookings.ts", "/api/bookings/:id/close", "/api/bookings/:id/cancel",
         "POST /api/bookings/:id/cancel is there twice",
         at=(f"{ROUTES}bookings.ts", '"/api/bookings/:id/cancel", STAFF'))
    .add(f"{ROUTES}auth.ts", "/api/auth/me", "/api/audit", "GET /api/audit is there twice")
    .add(f"{ROUTES}knowledge.ts", "/api/knowledge/proposals/:id\"", "/api/knowledge/articles/:id\"",
         f"the first is at {ROUTES}knowledge.ts:10")
    .add(f"{ROUTES}audit.ts", "export default function", "export function", "no default export",
         line=1)
    .add(f"{ROUTES}nothing.ts", "", "export default function nothing() {\n  return [];\n}",
         "makes no route", line=1)
    .add(f"{ROUTES}audit.ts", '"/api/health"', "HEALTH", "is computed")
    .add(f"{ROUTES}members.ts", '"/api/members/:id"', "`/api/${NAME}/:id`", "is computed")
    .add(f"{ROUTES}bookings.ts", '"PATCH", "/api/bays/:id"', '"DELETE", "/api/bays/:id"',
         "the router knows no method DELETE")
    .add(f"{ROUTES}bookings.ts", '"/api/bays"', '"api/bays"', "must begin with /")
    .add(f"{ROUTES}bookings.ts", "", 'route("GET", "/api/lost", STAFF, () => null);',
         "GET /api/lost is not in the list")
    .add(f"{ROUTES}bookings.ts", "",
         'export function more() {\n  return [route("GET", "/api/lost", STAFF, () => null)];\n}',
         "not in what the default export returns", at=(f"{ROUTES}bookings.ts", "/api/lost"))
    .add(f"{ROUTES}bookings.ts", "", "export const make = route;", "without calling it")
    .add(f"{ROUTES}bookings.ts", '"/api/bays", SIGNED_IN, ', '"/api/bays", ',
         "route takes 4 values, not 3")
    .add(f"{ROUTES}audit.ts", "", 'import * as all from "../http/router.js";\nall.route();',
         "imports the router as a whole", at=(f"{ROUTES}audit.ts", "all.route()"))
)  # fmt: skip

BAYS = 'route("GET", "/api/bays", SIGNED_IN, '
ACCESS = (
    _Of(3, "every route that needs it asks who calls")
    .add(f"{ROUTES}audit.ts", 'route("GET", "/api/audit", ADMIN, ',
         'publicRoute("GET", "/api/audit", ', "anyone may call GET /api/audit")
    .add(f"{ROUTES}audit.ts", "/api/health", "/api/healthz", "anyone may call GET /api/healthz")
    .add(f"{ROUTES}bookings.ts", BAYS, 'route("GET", "/api/bays", "public", ', 'open to "public"')
    .add(f"{ROUTES}bookings.ts", BAYS, 'route("GET", "/api/bays", [], ', "open to []")
    .add(f"{ROUTES}bookings.ts", BAYS, 'route("GET", "/api/bays", ["member"], ',
         'open to ["member"], which is no list')
    .add(f"{ROUTES}bookings.ts", BAYS, 'route("GET", "/api/bays", ANYONE, ',
         "open to ANYONE, which is no list")
    .add(f"{ROUTES}bookings.ts", BAYS, 'route("GET", "/api/bays", OUTCOMES, ',
         "open to OUTCOMES, which is no list")
    .add(f"{SRC}http/router.ts", 'ADMIN = ["admin"]', "ADMIN = []", "ADMIN, which names no roles",
         at=(f"{ROUTES}audit.ts", '"/api/audit", ADMIN'))
    .add(f"{SRC}http/router.ts", 'ADMIN = ["admin"]', 'ADMIN = ["public"]', "names no roles",
         at=(f"{ROUTES}knowledge.ts", "/decision"))
    .add(f"{ROUTES}members.ts", "return [",
         'return [\n    { method: "GET", path: "/api/x", access: "public", handle: all },',
         "made by hand", at=(f"{ROUTES}members.ts", "/api/x"))
    .add(f"{SRC}http/server.ts", "",
         'export const open = { "method": "GET", path: "/x", async handle() {} };', "made by hand")
    .add(f"{ROUTES}audit.ts", '"GET", "/api/health", ', '"GET", path, ', "is computed")
)  # fmt: skip

USED = (
    _Of(3, "every source is used")
    .add(f"{SRC}services/lost.ts", "", "export const lost = 1;", "runs uses it", line=1)
    .add(f"{SRC}services/lost.ts", "", "export const lost = 1;", "runs uses it", line=1,
         more=((f"{SRC}main.ts", "", 'import { lost } from "./services/lost.js";'),))
    .add(f"{SRC}services/lost.ts", "", "export const lost = 1;", "runs uses it", line=1,
         more=((f"{SRC}main.ts", "",
                'import { lost } from "./services/lost.js";\nexport type Lost = typeof lost;'),))
)  # fmt: skip

VARIABLES = (
    _Of(3, "templates name what the code reads")
    .add(CONFIG, 'text("HOST", ', 'text("LISTEN_ON", ', "reads LISTEN_ON, which no template names")
    .add(CONFIG, 'text("HOST", ', 'text("PORT", ', "names HOST, which nothing reads",
         at=(TEMPLATE, "HOST="))
    .add(CONFIG, 'text("HOST", ', "text(HOST_NAME, ", "is computed")
    .add(f"{SRC}http/server.ts", "", "export const debug = process.env.HTTP_DEBUG;",
         "reads HTTP_DEBUG, which no template names")
    .add(f"{SRC}http/server.ts", "", 'export const debug = process.env["HTTP_DEBUG"];',
         "reads HTTP_DEBUG, which no template names")
    .add(f"{SRC}main.ts", "", "const { HTTP_DEBUG: debug } = process.env;",
         "reads HTTP_DEBUG, which no template names")
    .add(f"{SRC}main.ts", "", "process.env[name];", "is computed")
    .add(TEMPLATE, "PORT=3000", "PORT=3000\n\nREDIS_URL=redis:", "names REDIS_URL, which nothing",
         at=(TEMPLATE, "REDIS_URL"))
    .add(f"{ENV}test.env.example", "BODY_LIMIT_KB=64\n", "",
         f"reads BODY_LIMIT_KB, which {ENV}test.env.example does not name",
         at=(CONFIG, '"BODY_LIMIT_KB"'))
)  # fmt: skip

ENUMS = (
    _Of(3, "assistants are those of the database")
    .add(f"{SRC}domain/model.ts", '"tech_support", "membership"]', '"tech_support"]',
         "defines membership", at=(ENUM, "'membership'"))
    .add(f"{SRC}domain/model.ts", '"membership"]', '"membership", "billing"]', "names billing",
         at=(f"{SRC}domain/model.ts", "ASSISTANTS"))
    .add(ENUM, "'tech_support'", "'support'", "names tech_support",
         at=(f"{SRC}domain/model.ts", "ASSISTANTS"))
)  # fmt: skip

IMPORTS = _Of(3, "imports lead to files").add(
    f"{ROUTES}auth.ts", "../auth/password.js", "../auth/passwords.js", "which is not there"
)

# --- phase 4 ------------------------------------------------------------------------------------

OPENAI = (
    _Of(4, "OpenAI models named exist")
    .add(TEMPLATE, "OPENAI_MODEL=gpt-5.6-terra", "OPENAI_MODEL=gpt-0", "names gpt-0")
    .add(f"{ENV}production.env.example", "OPENAI_MODEL=gpt-5.6-terra", "OPENAI_MODEL=gpt-0",
         "names gpt-0")
    .add(CONFIG, '"OPENAI_MODEL", "gpt-5.6-terra"', '"OPENAI_MODEL", "gpt-0"', "names gpt-0")
    .add(f"{AI}models.json", "gpt-5.6-terra", "gpt-0", "names gpt-5.6-terra",
         at=(TEMPLATE, "OPENAI_MODEL="))
    .add(CONFIG, '"OPENAI_MODEL", "gpt-5.6-terra"', '"OPENAI_MODEL", DEFAULT', "is computed")
)  # fmt: skip

CLAUDE = (
    _Of(4, "Claude models named exist")
    .add(f"{ENV}test.env.example", "claude-opus-5-5", "claude-none", "names claude-none",
         at=(f"{ENV}test.env.example", "CLAUDE_MODEL="))
    .add(CONFIG, '"claude-opus-5-5"', '"gpt-5.6-terra"', "names gpt-5.6-terra",
         at=(CONFIG, '"CLAUDE_MODEL"'))
)  # fmt: skip

TOOLS = (
    _Of(4, "tools named exist")
    .add(f"{AI}assistants/booking.json", "list_bays", "book_bay", "names book_bay")
    .add(f"{SRC}ai/tools.ts", '"list_locations", "list_bays"]', '"list_locations", "bays"]',
         "names bays")
    .add(f"{SRC}ai/tools.ts", "  list_bays: (services)", "  bays: (services)", "names bays")
    .add(f"{AI}tools.json", '"name": "list_bays"', '"name": "bays"', "names list_bays",
         at=(f"{AI}assistants/tech_support.json", "list_bays"))
    .add(f"{AI}tools.json", '"name": "list_bays"', '"name": "bays"', "defines bays")
    .add(f"{AI}schemas/tools.schema.json", ', "list_bays"]', "]", "defines list_bays",
         at=(f"{AI}tools.json", '"list_bays"'))
)  # fmt: skip

LEAD = (
    _Of(4, "knowledge routes lead to assistants")
    .add(f"{AI}routing.json", '"assistant": "membership"', '"assistant": "office"',
         "names office")
    .add(f"{AI}assistants/membership.json", '"key": "membership"', '"key": "office"',
         "names membership", at=(f"{AI}routing.json", '"assistant": "membership"'))
    .add(f"{AI}routing.json", '"assistant": "membership"', '"assistant": "booking"',
         f"which {AI}routing.json#$.routes[*].assistant never names",
         at=(f"{AI}assistants/membership.json", '"key"'))
    .add(f"{AI}schemas/routing.schema.json", '"tech_support", ', "",
         "defines tech_support", at=(f"{AI}assistants/tech_support.json", '"key"'))
    .add(f"{AI}schemas/assistant.schema.json", '"membership"]', '"membership", "office"]',
         "names office", at=(f"{AI}schemas/assistant.schema.json", '"office"'))
)  # fmt: skip

ARTICLES = (
    _Of(4, "knowledge routes lead to articles")
    .add(f"{AI}routing.json", "frozen-screen", "frozen-picture", "names frozen-picture")
    .add(SEEDS, "('pausing-membership'", "('pauses'", "names pausing-membership",
         at=(f"{AI}routing.json", "pausing-membership"))
)  # fmt: skip

SCHEMAS = (
    _Of(4, "configurations match their schemas")
    .add(f"{AI}routing.json", '"threshold": 0.4', '"threshold": 4', "$.threshold: 4 is greater")
    .add(f"{AI}routing.json", '"frozen": 0.7', '"Frozen": 0.7', "does not match",
         at=(f"{AI}routing.json", '"keywords": {\n        "Frozen"'))
    .add(f"{AI}models.json", '"maxOutputTokens": 1000', '"maxOutputTokens": "many"',
         "'many' is not of type 'integer'")
    .add(f"{AI}tools.json", '"name": "list_bays"', '"name": "drop_bays"', "is not one of")
)  # fmt: skip

AI_ROUTES = (
    _Of(4, "routes match their handlers")
    .add(f"{ROUTES}assistants.ts", "services.conversations.answer(", "services.chats.answer(",
         "there is no service chats")
    .add(f"{ROUTES}engine.ts", "services.knowledge.find(", "services.knowledge.seek(",
         "knowledge has no method seek")
    .add(f"{ROUTES}engine.ts", "/api/knowledge/drafts", "/api/knowledge/proposals",
         "POST /api/knowledge/proposals is there twice",
         at=(f"{ROUTES}knowledge.ts", '"POST", "/api/knowledge/proposals", '))
    .add(f"{ROUTES}assistants.ts", "/:id/answer", "/:conversation/answer",
         'never reads ":conversation"')
)  # fmt: skip

AI_ACCESS = _Of(4, "every route that needs it asks who calls").add(
    f"{ROUTES}engine.ts", '"/api/knowledge/drafts", STAFF,', '"/api/knowledge/drafts", [],',
    "POST /api/knowledge/drafts is open to []",
)  # fmt: skip

AI_USED = _Of(4, "every source is used").add(
    f"{ROUTES}engine.ts", "await ClaudeEngine.load(config.claude)", "null", "runs uses it",
    at=(f"{SRC}ai/claudeEngine.ts", "import Anthropic"),
)  # fmt: skip

# --- phase 5 ------------------------------------------------------------------------------------

CALLS = (
    _Of(5, "every call of the front end meets a route")
    .add(API, '"GET", "/api/bays"', '"GET", "/api/bay"', "GET /api/bay meets no route")
    .add(API, '"PATCH", `/api/bays/${id}`', '"POST", `/api/bays/${id}`',
         "the server has only PATCH")
    .add(API, "/api/bookings/${id}/cancel", "/api/bookings/cancel/${id}", "meets no route")
    .add(API, "`/api/knowledge/articles/${slug}`", "`/api/knowledge/articles/by-${slug}`",
         "the path of this call is computed")
    .add(API, '"POST", "/api/auth/login"', '"POST", "/api/auth/log-in"',
         "POST /api/auth/log-in meets no route")
    .add(API, 'call<Member>("GET", "/api/auth/me")', 'call<Member>("GET", ME)',
         "the path of this call is computed")
    .add(API, 'call<Member>("GET", "/api/auth/me")', 'call<Member>(GET, "/api/auth/me")',
         "the method of this call is computed")
    .add(f"{ROUTES}members.ts", '"PATCH", "/api/members/:id"', '"PATCH", "/api/people/:id"',
         "PATCH /api/members/${} meets no route", at=(API, '"PATCH", `/api/members/${id}`'))
    .add(f"{UI}panels/AuditPanel.tsx", "", 'void fetch("/api/audit/all", { method: "POST" });',
         "POST /api/audit/all meets no route")
    .add(f"{UI}panels/AuditPanel.tsx", "", 'navigator.sendBeacon("/api/audit");',
         "is the path of no call")
    .add(f"{UI}panels/AuditPanel.tsx", "",
         "const post = (path: string) => window.fetch(path);\nvoid post(`/api/${1}/audit`);",
         "GET /api/${}/audit meets no route", at=(f"{UI}panels/AuditPanel.tsx", "void post"))
)  # fmt: skip

PANEL = '  { id: "audit", title: "Audit log", roles: ["admin"], Component: AuditPanel },\n'
SHOWN = (
    _Of(5, "every panel and approval interface is shown")
    .add(f"{UI}main.tsx", PANEL, "", "runs uses it", at=(f"{UI}panels/AuditPanel.tsx", "import"))
    .add(f"{UI}main.tsx", "Component: ApprovalsPanel }", "Component: AuditPanel }", "runs uses it",
         at=(f"{UI}approvals/ApprovalsPanel.tsx", "import"))
    .add(f"{UI}approvals/ApprovalsPanel.tsx",
         "<DecisionForm stale={stale} busy={busy} onDecide={onDecide} />", "<p />", "runs uses it",
         at=(f"{UI}approvals/DecisionForm.tsx", "import"))
    .add(f"{UI}main.tsx", "panels.find((", "[].find((", "runs uses it", line=1,
         at=(f"{UI}panels/LostPanel.tsx", ""),
         more=((f"{UI}panels/LostPanel.tsx", "", "export function LostPanel() {\n  return 1;\n}"),))
    .add(f"{UI}components/controls.tsx", "", "export function Spinner() {\n  return null;\n}",
         "Spinner is shown by nothing")
    .add(f"{UI}main.tsx", "const PANELS: readonly Panel[] = [",
         "const OLD = [KnowledgePanel];\nconst PANELS: readonly Panel[] = [", "runs uses it",
         at=(f"{UI}panels/KnowledgePanel.tsx", "import"),
         more=((f"{UI}main.tsx", "Component: KnowledgePanel }", "Component: AuditPanel }"),))
    .add(f"{UI}main.tsx", "    <App />\n", "", "runs uses it",
         at=(f"{UI}panels/MembersPanel.tsx", "import"))
)  # fmt: skip

UI_PARSE = (
    _Of(5, "sources parse")
    .add(
        f"{UI}components/SignIn.tsx",
        "<h1>ClubOS</h1>",
        "<h1>ClubOS</h2>",
        "<h1> is closed by </h2>",
    )
    .add(
        f"{UI}panels/AuditPanel.tsx",
        "cells={(entry) => [",
        "cells={(entry) =>> [",
        "does not parse: >",
    )
)

UI_VARIABLES = (
    _Of(5, "templates name what the code reads")
    .add(API, "", "export const base = import.meta.env.VITE_API;", "reads VITE_API, which no")
)  # fmt: skip

SEEDED: tuple[Seeded, ...] = tuple(
    row
    for group in (
        JSON, TEMPLATES, KEYS, PARSE, HANDLERS, ACCESS, USED, VARIABLES, ENUMS, IMPORTS, OPENAI,
        CLAUDE, TOOLS, LEAD, ARTICLES, SCHEMAS, AI_ROUTES, AI_ACCESS, AI_USED, CALLS, SHOWN,
        UI_PARSE, UI_VARIABLES,
    )
    for row in group.rows
)  # fmt: skip


def edits_of(row: Seeded) -> Mapping[str, str]:
    """Return what `support.built_in.subject` takes to lay out a tree with the fault."""
    return row.texts()
