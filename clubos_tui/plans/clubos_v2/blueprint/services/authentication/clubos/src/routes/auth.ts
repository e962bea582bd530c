import { hashPassword, verifyPassword } from "../auth/password.js";
import { Sessions } from "../auth/session.js";
import { ClubError } from "../domain/model.js";
import { publicRoute, route, SIGNED_IN, STAFF, type App, type Route } from "../http/router.js";

const MAX_FAILURES = 5;
const WINDOW_MS = 15 * 60 * 1000;

/** Counts failed logins per key and refuses for a while once there are too many. */
class FailureLimit {
  private readonly failures = new Map<string, { count: number; until: number }>();

  check(key: string): void {
    const now = Date.now();
    for (const [known, entry] of this.failures) if (entry.until <= now) this.failures.delete(known);
    if ((this.failures.get(key)?.count ?? 0) >= MAX_FAILURES) {
      throw new ClubError("forbidden", "Too many failed attempts. Try again in a quarter of an hour.");
    }
  }

  /** Counts an attempt as failed until it turns out well, so that parallel guesses are counted too. */
  begin(key: string): void {
    const count = (this.failures.get(key)?.count ?? 0) + 1;
    this.failures.set(key, { count, until: Date.now() + WINDOW_MS });
  }

  succeeded(key: string): void {
    this.failures.delete(key);
  }
}

export default function auth({ config, services }: App): Route[] {
  const sessions = new Sessions(config, services.members);
  const limit = new FailureLimit();

  return [
    publicRoute("POST", "/api/auth/login", async ({ body, remoteAddress }) => {
      const email = body.email("email");
      const password = body.password("password");
      const key = `${remoteAddress} ${email}`;
      limit.check(key);
      limit.begin(key);
      const member = await services.members.findByEmail(email);
      const matches = await verifyPassword(password, member?.passwordHash ?? null);
      if (!member || !matches || member.status === "cancelled") {
        throw new ClubError("forbidden", "The e-mail address or the password is wrong.");
      }
      limit.succeeded(key);
      return { ...sessions.open(member.id, member.sessionVersion), member: await services.members.get(member.id) };
    }),

    route("GET", "/api/auth/me", SIGNED_IN, ({ actor }) => services.members.get(actor.id)),

    route("POST", "/api/auth/password", SIGNED_IN, async ({ actor, body }) => {
      const member = await services.members.findForSession(actor.id);
      const key = `password ${actor.id}`;
      limit.check(key);
      limit.begin(key);
      if (!(await verifyPassword(body.password("current"), member?.passwordHash ?? null))) {
        throw new ClubError("forbidden", "The current password is wrong.");
      }
      limit.succeeded(key);
      await services.members.setPassword(actor, actor.id, await hashPassword(body.password("next")));
      return { status: "changed; please sign in again" };
    }),

    route("POST", "/api/members/:id/password", STAFF, async ({ actor, params, body }) => {
      await services.members.setPassword(actor, params.uuid("id"), await hashPassword(body.password("next")));
      return { status: "changed" };
    }),
  ];
}
