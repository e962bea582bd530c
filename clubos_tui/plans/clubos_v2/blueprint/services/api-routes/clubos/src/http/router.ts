import type { Config } from "../config/env.js";
import { ClubError, type Actor, type Role } from "../domain/model.js";
import type { Services } from "../services/index.js";
import type { Fields } from "./fields.js";

export type Method = "GET" | "POST" | "PATCH";

/** Who may call a route: everybody, or people with one of the roles. There is no default. */
export type Access = "public" | readonly Role[];

export const SIGNED_IN = ["member", "staff", "admin"] as const satisfies Access;
export const STAFF = ["staff", "admin"] as const satisfies Access;
export const ADMIN = ["admin"] as const satisfies Access;

export interface PublicRequest {
  params: Fields;
  query: Fields;
  body: Fields;
  /** Address of the caller, for rate limits. */
  remoteAddress: string;
}

export interface SignedInRequest extends PublicRequest {
  actor: Actor;
}

/** What a handler returns becomes the JSON body of the answer. */
type Handler<R> = (request: R) => Promise<unknown>;

export interface Route {
  method: Method;
  path: string;
  access: Access;
  handle(request: PublicRequest, actor: Actor | null): Promise<unknown>;
}

export interface App {
  config: Config;
  services: Services;
}

/** What every file in src/routes exports as default. */
export type RouteModule = (app: App) => Route[] | Promise<Route[]>;

export function publicRoute(method: Method, path: string, handler: Handler<PublicRequest>): Route {
  return { method, path, access: "public", handle: (request) => handler(request) };
}

export function route(method: Method, path: string, access: readonly Role[], handler: Handler<SignedInRequest>): Route {
  return {
    method,
    path,
    access,
    handle(request, actor) {
      if (!actor || !access.includes(actor.role)) throw new ClubError("forbidden", "You may not do this.");
      return handler({ ...request, actor });
    },
  };
}

export type Match =
  | { kind: "found"; route: Route; params: Record<string, string> }
  | { kind: "wrong_method"; allow: string }
  | { kind: "not_found" };

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function matchPath(pattern: string, path: string): Record<string, string> | null {
  const expected = pattern.split("/");
  const actual = path.split("/");
  if (expected.length !== actual.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of expected.entries()) {
    const value = decode(actual[index] ?? "");
    if (value === null) return null;
    if (part.startsWith(":") && value !== "") params[part.slice(1)] = value;
    else if (part !== value) return null;
  }
  return params;
}

export class Router {
  constructor(private readonly routes: readonly Route[]) {
    const seen = new Set<string>();
    for (const { method, path } of routes) {
      const key = `${method} ${path.replace(/:\w+/g, ":")}`;
      if (seen.has(key)) throw new Error(`two routes for ${method} ${path}`);
      seen.add(key);
    }
  }

  match(method: string, path: string): Match {
    const allowed: string[] = [];
    for (const candidate of this.routes) {
      const params = matchPath(candidate.path, path);
      if (params === null) continue;
      if (candidate.method === method) return { kind: "found", route: candidate, params };
      allowed.push(candidate.method);
    }
    return allowed.length > 0 ? { kind: "wrong_method", allow: allowed.join(", ") } : { kind: "not_found" };
  }
}
