import { createHmac, timingSafeEqual } from "node:crypto";
import type { Config } from "../config/env.js";
import type { Actor } from "../domain/model.js";
import type { MemberService } from "../services/members.js";

interface Claims {
  /** Who. */
  sub: string;
  /** The member's session version when the token was made; raising it ends the session. */
  ver: number;
  /** Until when, in seconds since 1970. */
  exp: number;
}

function isClaims(value: unknown): value is Claims {
  if (typeof value !== "object" || value === null) return false;
  const { sub, ver, exp } = value as Record<string, unknown>;
  return typeof sub === "string" && Number.isInteger(ver) && Number.isInteger(exp);
}

/** Signed tokens: `payload.signature`, HMAC-SHA-256, good until they expire or the member's session version changes. */
export class Sessions {
  constructor(
    private readonly config: Pick<Config, "sessionSecret" | "sessionTtlSeconds">,
    private readonly members: Pick<MemberService, "findForSession">,
    private readonly now: () => number = () => Math.floor(Date.now() / 1000),
  ) {}

  open(sub: string, ver: number): { token: string; expiresAt: string } {
    const exp = this.now() + this.config.sessionTtlSeconds;
    const payload = Buffer.from(JSON.stringify({ sub, ver, exp } satisfies Claims)).toString("base64url");
    const token = `${payload}.${this.sign(payload).toString("base64url")}`;
    return { token, expiresAt: new Date(exp * 1000).toISOString() };
  }

  /** The role is read anew each time: who was demoted or cancelled a second ago is so from now on. */
  async authenticate(authorization: string | undefined): Promise<Actor | null> {
    const token = /^Bearer ([\w-]+\.[\w-]+)$/.exec(authorization ?? "")?.[1];
    const claims = token === undefined ? null : this.verify(token);
    if (!claims) return null;
    const member = await this.members.findForSession(claims.sub);
    if (!member || member.status === "cancelled" || member.sessionVersion !== claims.ver) return null;
    return { id: member.id, role: member.role };
  }

  private verify(token: string): Claims | null {
    const [payload = "", signature = ""] = token.split(".");
    const given = Buffer.from(signature, "base64url");
    const expected = this.sign(payload);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    try {
      const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
      return isClaims(claims) && claims.exp > this.now() ? claims : null;
    } catch {
      return null;
    }
  }

  private sign(payload: string): Buffer {
    return createHmac("sha256", this.config.sessionSecret).update(payload).digest();
  }
}
