"""Faults in the services, routes and sign-in that the built-in plan builds."""

from __future__ import annotations

from checks.seeding import CONFIG, ENUM, ENV, ROUTES, SRC, TEMPLATE, Of

PARSE = (
    Of(3, "sources parse")
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
    Of(3, "routes match their handlers")
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
    Of(3, "every route that needs it asks who calls")
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
    .add(f"{ROUTES}members.ts", "return [", "return [\n    { ...base, handle: all },",
         "made by hand", at=(f"{ROUTES}members.ts", "...base"))
    .add(f"{ROUTES}members.ts", "", 'const open = make("GET", "/api/x", () => 1);',
         "anyone may call GET /api/x",
         more=((f"{SRC}http/more.ts", "", 'export { publicRoute as open } from "./router.js";'),
               (f"{ROUTES}members.ts", "", 'import { open as make } from "../http/more.js";')))
    .add(f"{SRC}main.ts", "", 'const { route: make } = await import("./http/router.js");',
         "imports the router while it runs")
    .add(f"{SRC}http/router.ts", "    access,\n", '    access: "public",\n', "for others than",
         at=(f"{SRC}http/router.ts", '{\n    method,'))
    .add(f"{SRC}http/router.ts", "",
         "export const anyone = { method: 'GET', path: '/', access: 'public', handle };",
         "for others than")
)  # fmt: skip

USED = (
    Of(3, "every source is used")
    .add(f"{SRC}services/lost.ts", "", "export const lost = 1;", "runs uses it", line=1)
    .add(f"{SRC}services/lost.ts", "", "export const lost = 1;", "runs uses it", line=1,
         more=((f"{SRC}main.ts", "", 'import { lost } from "./services/lost.js";'),))
    .add(f"{SRC}services/lost.ts", "", "export const lost = 1;", "runs uses it", line=1,
         more=((f"{SRC}main.ts", "",
                'import { lost } from "./services/lost.js";\nexport type Lost = typeof lost;'),))
)  # fmt: skip

VARIABLES = (
    Of(3, "templates name what the code reads")
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

ROLES = (
    Of(3, "roles are those of the database")
    .add(f"{SRC}http/router.ts", 'ADMIN = ["admin"]', 'ADMIN = ["owner"]', "names owner")
    .add(f"{SRC}domain/model.ts", '"member", "staff", "admin"]', '"member", "staff", "boss"]',
         "names boss")
)  # fmt: skip

ENUMS = (
    Of(3, "assistants are those of the database")
    .add(f"{SRC}domain/model.ts", '"tech_support", "membership"]', '"tech_support"]',
         "defines membership", at=(ENUM, "'membership'"))
    .add(f"{SRC}domain/model.ts", '"membership"]', '"membership", "billing"]', "names billing",
         at=(f"{SRC}domain/model.ts", "ASSISTANTS"))
    .add(ENUM, "'tech_support'", "'support'", "names tech_support",
         at=(f"{SRC}domain/model.ts", "ASSISTANTS"))
)  # fmt: skip

IMPORTS = Of(3, "imports lead to files").add(
    f"{ROUTES}auth.ts", "../auth/password.js", "../auth/passwords.js", "which is not there"
)

SERVICES: tuple[Of, ...] = (PARSE, HANDLERS, ACCESS, USED, VARIABLES, ROLES, ENUMS, IMPORTS)
