import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { TightbeamError } from "@tightbeam/core";
import type { Runtime } from "@tightbeam/core/runtime";
import type { Feed } from "../feed/feed.js";
import { feedPath } from "../feed/protocol.js";
import type { FeedRequestName } from "../feed/requests.js";
import { queryFields, readFields, requests } from "./ask.js";
import { readJson } from "./body.js";
import { createGate } from "./gate.js";
import { securityHeaders } from "./headers.js";
import { loadPage, type PageFile } from "./page-files.js";
import { createReaders } from "./readers.js";
import { type Refusal, refusal, refusalOf } from "./refusal.js";

export interface InspectorServerOptions {
  readonly feed: Feed;
  readonly runtime: Runtime;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default: one that is free. */
  readonly port?: number | undefined;
  readonly allowActions?: boolean | undefined;
  /** Names under which it is reached from elsewhere, and origins of proxies with TLS in front of it. */
  readonly allowNetwork?: readonly string[] | undefined;
  /** Pages that may be open at once. Default 8. */
  readonly maxPages?: number | undefined;
  /** The page's files; for tests. */
  readonly page?: ReadonlyMap<string, PageFile> | undefined;
}

export interface InspectorServer {
  /** With the token in its fragment, which browsers send to nobody. */
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

/** Rejects `invalid_argument`, `unavailable` (the port is taken), `failed` (the page is not built). */
export async function startServer({
  feed,
  runtime,
  host = "127.0.0.1",
  port = 0,
  allowActions = false,
  allowNetwork,
  maxPages = 8,
  page,
}: InspectorServerOptions): Promise<InspectorServer> {
  if (!loopback.has(host) && (allowNetwork === undefined || allowNetwork.length === 0))
    throw new TightbeamError(
      "invalid_argument",
      `inspect: the host '${host}' can be reached by others. Leave it out, or name in allowNetwork the host names that the page is opened under.`,
    );
  const token = Buffer.from(runtime.random.bytes(32)).toString("hex");
  const files = page ?? (await loadPage());
  const origins = new Map<string, string>();
  const gate = createGate({ token, origins });
  const readers = createReaders(feed, runtime);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, query } = readTarget(request.url ?? "");
    const file = files.get(path);
    if (file !== undefined) return send(response, gate.page(request) ?? wrongMethod(request, "GET") ?? file);
    if (path === feedPath) return open(request, response);
    const name = path.startsWith("/api/") ? path.slice(5) : "";
    if (!Object.hasOwn(requests, name)) return send(response, refusal(404, "unsupported", "There is no such thing here."));
    const { action } = requests[name as FeedRequestName];
    const refused = gate.data(request) ?? wrongMethod(request, action ? "POST" : "GET") ?? (action && !allowActions ? readOnly : undefined);
    if (refused !== undefined) return send(response, refused);
    const fields = readFields(name as FeedRequestName, action ? await readJson(request) : queryFields(query));
    json(response, 200, await feed.ask(name as FeedRequestName, fields));
  }

  function open(request: IncomingMessage, response: ServerResponse): void {
    const full = readers.count >= maxPages ? refusal(503, "overloaded", `At most ${maxPages} pages are fed at once: close one.`) : undefined;
    const refused = gate.data(request) ?? wrongMethod(request, "GET") ?? full;
    if (refused !== undefined) return send(response, refused);
    response.writeHead(200, { ...securityHeaders, "content-type": "text/event-stream; charset=utf-8" });
    readers.add(response);
  }

  const server = createServer({ maxHeaderSize: 8 * 1024, headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 5_000 }, (request, response) => {
    response.on("error", () => response.destroy());
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, refusalOf(error));
    });
  });
  server.maxConnections = 64;
  const bound = await listen(server, host, port);
  const shown = host.includes(":") ? `[${host}]` : host;
  const names = allowNetwork ?? [];
  const places = loopback.has(host) ? [...names.filter(isProxied), shown, "localhost"] : names;
  const opened = places.map((name) => new URL(isProxied(name) ? name : `http://${name}:${bound}`));
  for (const place of opened) origins.set(place.host, place.origin);

  return {
    url: `${opened[0]?.origin}/#token=${token}`,
    token,
    close: () =>
      new Promise<void>((resolve) => {
        readers.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Behind a proxy the page is where the proxy is. */
const isProxied = (name: string): boolean => name.startsWith("https://");

const loopback: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"]);

const readOnly = refusal(403, "denied", "This inspector only shows: start it with allowActions (on the command line --allow-actions) to act.");

const wrongMethod = ({ method }: IncomingMessage, right: "GET" | "POST"): Refusal | undefined =>
  method === right ? undefined : refusal(405, "unsupported", `This takes ${right}.`);

/** Paths are compared as they are written: nothing is decoded or normalised, so nothing else can mean the same. */
function readTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const mark = target.indexOf("?");
  return mark < 0 ? { path: target, query: new URLSearchParams() } : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}

function send(response: ServerResponse, what: PageFile | Refusal): void {
  if ("status" in what) return json(response, what.status, what.body);
  response.writeHead(200, { ...securityHeaders, "content-type": what.type, "content-length": what.body.length });
  response.end(what.body);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(JSON.stringify(body));
  // What was refused may still be sending: it is not waited for.
  const connection = status === 200 ? {} : { connection: "close" };
  response.writeHead(status, { ...securityHeaders, ...connection, "content-type": "application/json; charset=utf-8", "content-length": text.length });
  response.end(text);
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new TightbeamError("unavailable", `The inspector cannot listen on ${host}:${port}: choose another port.`, { cause })),
    );
    server.listen({ host, port }, () => {
      // Of connections that the system could not give it: they are tried again from the other side.
      server.on("error", () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
