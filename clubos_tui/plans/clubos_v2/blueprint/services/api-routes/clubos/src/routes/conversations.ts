import { CONVERSATION_STATUSES } from "../domain/model.js";
import { route, SIGNED_IN, STAFF, type App, type Route } from "../http/router.js";

export default function conversations({ services }: App): Route[] {
  return [
    route("GET", "/api/conversations", SIGNED_IN, ({ actor, query }) =>
      services.conversations.list(
        actor,
        query.optional("status", (fields) => fields.oneOf("status", CONVERSATION_STATUSES)),
      ),
    ),

    route("GET", "/api/conversations/:id", SIGNED_IN, ({ actor, params }) =>
      services.conversations.get(actor, params.uuid("id")),
    ),

    route("POST", "/api/conversations", SIGNED_IN, ({ actor, body }) =>
      services.conversations.start(
        actor,
        body.text("subject"),
        body.text("body", 4000),
        body.optional("locationId", (fields) => fields.integer("locationId")),
      ),
    ),

    route("POST", "/api/conversations/:id/messages", SIGNED_IN, ({ actor, params, body }) =>
      services.conversations.addMessage(actor, params.uuid("id"), body.text("body", 4000)),
    ),

    route("PATCH", "/api/conversations/:id", STAFF, ({ actor, params, body }) =>
      services.conversations.setStatus(actor, params.uuid("id"), body.oneOf("status", CONVERSATION_STATUSES)),
    ),
  ];
}
