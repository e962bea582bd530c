import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ClubError, type Actor, type ErrorKind } from "../domain/model.js";
import { Fields } from "./fields.js";
import { Router, type App, type Route, type RouteModule } from "./router.js";

const STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  unavailable: 503,
  upstream: 502,
};

/** An answer that is decided before a handler runs. */
class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

export interface ServerOptions {
  routes: readonly Route[];
  /** Who sends this Authorization header; null if nobody we know. */
  authenticate(authorization: string | undefined): Promise<Actor | null>;
  bodyLimitBytes: number;
  log(line: string): void;
}

/** Every file in src/routes brings its own routes; adding a subject means adding a file. */
export async function loadRoutes(app: App): Promise<Route[]> {
  const folder = new URL("../routes/", import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith(".js")).sort();
  const routes: Route[] = [];
  for (const file of files) {
    const module = (await import(new URL(file, folder).href)) as { default: RouteModule };
    routes.push(...(await module.default(app)));
  }
  return routes;
}

async function readBody(request: IncomingMessage, limit: number): Promise<Fields> {
  if (request.method === "GET") return new Fields({});
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed when we stop early: the answer that says so still has to get out.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new HttpError(413, `The body is larger than ${limit} bytes.`, { connection: "close" });
    chunks.push(chunk);
  }
  if (size === 0) return new Fields({});
  if (!/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) {
    throw new HttpError(415, "The body must be application/json.");
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new HttpError(400, "The body is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HttpError(400, "The body must be a JSON object.");
  }
  return new Fields(value);
}

async function answer(options: ServerOptions, router: Router, request: IncomingMessage): Promise<unknown> {
  const url = URL.canParse(request.url ?? "", "http://localhost")
    ? new URL(request.url ?? "", "http://localhost")
    : null;
  const match = url ? router.match(request.method ?? "", url.pathname) : { kind: "not_found" as const };
  if (!url || match.kind === "not_found") throw new HttpError(404, "There is nothing here.");
  if (match.kind === "wrong_method")
    throw new HttpError(405, "This method is not allowed here.", { allow: match.allow });

  const { route, params } = match;
  let actor: Actor | null = null;
  if (route.access !== "public") {
    actor = await options.authenticate(request.headers.authorization);
    if (!actor) throw new HttpError(401, "Please sign in.", { "www-authenticate": "Bearer" });
    if (!route.access.includes(actor.role)) throw new HttpError(403, "You may not do this.");
  }
  const body = await readBody(request, options.bodyLimitBytes);
  const query = new Fields(Object.fromEntries(url.searchParams));
  const remoteAddress = request.socket.remoteAddress ?? "unknown";
  return route.handle({ params: new Fields(params), query, body, remoteAddress }, actor);
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(JSON.stringify(body ?? null));
}

function sendError(response: ServerResponse, error: unknown, requestId: string): void {
  if (error instanceof ClubError) send(response, STATUS[error.kind], { error: error.message });
  else if (error instanceof HttpError) send(response, error.status, { error: error.message }, error.headers);
  else {
    console.error(`request ${requestId} failed:`, error);
    send(response, 500, { error: "Something went wrong on our side.", requestId });
  }
}

export function createApiServer(options: ServerOptions): Server {
  const router = new Router(options.routes);
  return createServer((request, response) => {
    const started = performance.now();
    const requestId = randomUUID();
    response.on("finish", () => {
      const path = (request.url ?? "").split("?")[0];
      const took = Math.round(performance.now() - started);
      options.log(JSON.stringify({ requestId, method: request.method, path, status: response.statusCode, ms: took }));
    });
    answer(options, router, request).then(
      (body) => send(response, 200, body),
      (error: unknown) => sendError(response, error, requestId),
    );
  });
}
