"""Faults in what the built-in plan builds, each with the check that must find it, and where."""

from __future__ import annotations

from checks.seeded_ai import ASSISTANTS
from checks.seeded_services import SERVICES
from checks.seeding import API, ENV, KEY, ROUTES, TEMPLATE, UI, Of, Seeded

JSON = (
    Of(1, "package files are JSON")
    .add("clubos/package.json", '"private": true,', '"private": true,,', "double quotes")
    .add("clubos/tsconfig.json", '"strict": true,', '"strict": true,\n    "strict": false,',
         "'strict' stands twice", at=("clubos/tsconfig.json", '"strict": false'))
    .add("clubos/tsconfig.server.json", '"rootDir": "src",', '"rootDir": "src"', "',' delimiter",
         at=("clubos/tsconfig.server.json", '"outDir"'))
)  # fmt: skip

TEMPLATES = (
    Of(1, ".env templates parse and hold no secret")
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

KEYS = Of(1, "no secrets").add("clubos/README.md", "# ClubOS V2", f"# ClubOS V2\n{KEY}",
                                "an AWS access key", at=("clubos/README.md", KEY))  # fmt: skip


CALLS = (
    Of(5, "every call of the front end meets a route")
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
    Of(5, "every panel and approval interface is shown")
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
    Of(5, "sources parse")
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
    Of(5, "templates name what the code reads")
    .add(API, "", "export const base = import.meta.env.VITE_API;", "reads VITE_API, which no")
)  # fmt: skip

SEEDED: tuple[Seeded, ...] = tuple(
    row
    for group in (
        JSON, TEMPLATES, KEYS, *SERVICES, *ASSISTANTS, CALLS, SHOWN, UI_PARSE, UI_VARIABLES,
    )
    for row in group.rows
)  # fmt: skip
