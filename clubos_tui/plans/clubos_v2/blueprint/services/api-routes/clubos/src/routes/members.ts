import { MEMBER_STATUSES, ROLES } from "../domain/model.js";
import { route, STAFF, type App, type Route } from "../http/router.js";

export default function members({ services }: App): Route[] {
  return [
    route("GET", "/api/members", STAFF, ({ query }) =>
      services.members.list(query.optional("search", (fields) => fields.text("search"))),
    ),

    route("GET", "/api/members/:id", STAFF, ({ params }) => services.members.get(params.uuid("id"))),

    route("POST", "/api/members", STAFF, ({ actor, body }) =>
      services.members.create(actor, {
        email: body.email("email"),
        fullName: body.text("fullName"),
        phone: body.optional("phone", (fields) => fields.text("phone", 40)),
        role: body.oneOf("role", ROLES),
      }),
    ),

    route("PATCH", "/api/members/:id", STAFF, ({ actor, params, body }) =>
      services.members.update(actor, params.uuid("id"), {
        fullName: body.optional("fullName", (fields) => fields.text("fullName")),
        phone: body.optional("phone", (fields) => fields.text("phone", 40)),
        role: body.optional("role", (fields) => fields.oneOf("role", ROLES)),
        status: body.optional("status", (fields) => fields.oneOf("status", MEMBER_STATUSES)),
      }),
    ),
  ];
}
