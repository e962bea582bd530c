import { BAY_STATUSES } from "../domain/model.js";
import { publicRoute, route, SIGNED_IN, STAFF, type App, type Route } from "../http/router.js";

const OUTCOMES = ["completed", "no_show"] as const;

export default function bookings({ services }: App): Route[] {
  return [
    publicRoute("GET", "/api/locations", () => services.bookings.locations()),

    route("GET", "/api/locations/:id/busy", SIGNED_IN, ({ params, query }) =>
      services.bookings.busy(params.integer("id"), query.instant("from"), query.instant("to")),
    ),

    route("GET", "/api/bays", SIGNED_IN, () => services.bookings.bays()),

    route("PATCH", "/api/bays/:id", STAFF, ({ actor, params, body }) =>
      services.bookings.setBayStatus(actor, params.integer("id"), body.oneOf("status", BAY_STATUSES)),
    ),

    route("GET", "/api/bookings", SIGNED_IN, ({ actor, query }) =>
      services.bookings.list(actor, query.instant("from"), query.instant("to")),
    ),

    route("POST", "/api/bookings", SIGNED_IN, ({ actor, body }) =>
      services.bookings.create(actor, {
        bayId: body.integer("bayId"),
        memberId: body.optional("memberId", (fields) => fields.uuid("memberId")) ?? actor.id,
        startsAt: body.instant("startsAt"),
        endsAt: body.instant("endsAt"),
      }),
    ),

    route("POST", "/api/bookings/:id/cancel", SIGNED_IN, ({ actor, params, body }) =>
      services.bookings.cancel(actor, params.uuid("id"), body.text("reason", 500)),
    ),

    route("POST", "/api/bookings/:id/close", STAFF, ({ actor, params, body }) =>
      services.bookings.close(actor, params.uuid("id"), body.oneOf("status", OUTCOMES)),
    ),
  ];
}
