import { ASSISTANTS, PROPOSAL_STATUSES } from "../domain/model.js";
import { ADMIN, route, STAFF, type App, type Route } from "../http/router.js";

const DECISIONS = ["approved", "rejected"] as const;

export default function knowledge({ services }: App): Route[] {
  return [
    route("GET", "/api/knowledge/articles", STAFF, () => services.knowledge.articles()),

    route("GET", "/api/knowledge/articles/:slug", STAFF, ({ params }) =>
      services.knowledge.article(params.slug("slug")),
    ),

    route("POST", "/api/knowledge/articles/:slug/restore", STAFF, ({ actor, params, body }) =>
      services.knowledge.proposeRestore(actor, params.slug("slug"), body.integer("version")),
    ),

    route("GET", "/api/knowledge/proposals", STAFF, ({ query }) =>
      services.knowledge.proposals(query.optional("status", (fields) => fields.oneOf("status", PROPOSAL_STATUSES))),
    ),

    route("GET", "/api/knowledge/proposals/:id", STAFF, ({ params }) => services.knowledge.proposal(params.uuid("id"))),

    route("POST", "/api/knowledge/proposals", STAFF, ({ actor, body }) =>
      services.knowledge.propose(actor, {
        slug: body.slug("slug"),
        assistant: body.oneOf("assistant", ASSISTANTS),
        title: body.text("title"),
        body: body.text("body", 20_000),
        rationale: body.text("rationale", 2000),
      }),
    ),

    route("POST", "/api/knowledge/proposals/:id/decision", ADMIN, ({ actor, params, body }) =>
      services.knowledge.decide(actor, params.uuid("id"), body.oneOf("decision", DECISIONS), body.text("reason", 1000)),
    ),
  ];
}
