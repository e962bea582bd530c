import { ADMIN, publicRoute, route, type App, type Route } from "../http/router.js";

export default function audit({ services }: App): Route[] {
  return [
    publicRoute("GET", "/api/health", async () => ({ status: "ok" })),

    route("GET", "/api/audit", ADMIN, ({ query }) =>
      services.audit.list({
        entity: query.optional("entity", (fields) => fields.text("entity", 40)),
        before: query.optional("before", (fields) => fields.integer("before", 1, Number.MAX_SAFE_INTEGER)),
        limit: query.optional("limit", (fields) => fields.integer("limit", 1, 200)) ?? 50,
      }),
    ),
  ];
}
