import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { headerBytes, subprotocol } from "../protocol.js";
import { closeTimeoutMs } from "../wire/wire.js";
import type { RelayCounters } from "./counters.js";
import type { Gate } from "./gate.js";
import type { RelayLimits } from "./limits.js";
import { createSocket, type Socket } from "./socket.js";
import { pathOf } from "./upgrades.js";

const maxFragments = 64;
const maxBufferedChunks = 16 * 1024;
const requestHeadMaxBytes = 8 * 1024;
const nothing = () => {};

export interface DoorOptions {
  readonly path: string;
  /** Host headers that are answered, lower case: DNS rebinding brings others. */
  readonly hosts: () => ReadonlySet<string>;
  /** Origin headers of browsers that are let in. */
  readonly pages: () => ReadonlySet<string>;
  readonly limits: RelayLimits;
  readonly gate: Gate;
  readonly counters: RelayCounters;
  /** A place among all sockets is free. */
  readonly hasRoom: () => boolean;
  /** Takes a socket that has not logged in yet; `release` gives its place at the gate back. */
  readonly enter: (socket: Socket, release: () => void) => void;
}

/** From a TCP connection to a WebSocket: everything that is decided before the first message. */
export interface Door {
  /** For `upgrade` of an HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** For `connection` of a server that is ours alone: counts what connects before it has said anything. */
  connection(socket: import("node:net").Socket): void;
}

export function createDoor({ path, hosts, pages, limits, gate, counters, hasRoom, enter }: DoorOptions): Door {
  const settings: NonNullable<ConstructorParameters<typeof WebSocketServer>[0]> & {
    closeTimeout: number;
    autoPong: boolean;
    maxFragments: number;
    maxBufferedChunks: number;
  } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: headerBytes + limits.maxFrameBytes + 4 * 1024,
    maxFragments,
    maxBufferedChunks,
    closeTimeout: closeTimeoutMs,
    // Answered in socket.ts, after they have been counted.
    autoPong: false,
    handleProtocols: () => subprotocol,
  };
  const websockets = new WebSocketServer(settings);
  // A request `ws` turns away is answered here, so that it is counted.
  websockets.on("wsClientError", (error, socket) => turnAway(socket, 400, error.message));
  const releases = new WeakMap<Duplex, () => void>();

  const turnAway = (socket: Duplex, status: number, why: string) => {
    counters.turnedAway += 1;
    const body = `${why}\n`;
    const head = `HTTP/1.1 ${status} ${status === 503 ? "Service Unavailable" : "Refused"}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.once("finish", () => socket.destroy());
    socket.end(head + body);
  };
  const offers = (request: IncomingMessage) => (request.headers["sec-websocket-protocol"] ?? "").split(",").some((name) => name.trim() === subprotocol);

  return {
    connection(socket) {
      counters.connections += 1;
      const release = gate.enter(socket.remoteAddress);
      if (release === undefined) {
        counters.turnedAway += 1;
        socket.destroy();
        return;
      }
      releases.set(socket, release);
      socket.once("close", release);
    },
    upgrade(request, socket, head) {
      if (pathOf(request) !== path) return turnAway(socket, 404, "There is no relay at this path.");
      if (!hosts().has((request.headers.host ?? "").toLowerCase())) return turnAway(socket, 403, "This relay does not answer for this Host.");
      const page = request.headers.origin;
      if (page !== undefined && !pages().has(page)) return turnAway(socket, 403, "Pages of this Origin are not allowed here.");
      if (!offers(request)) return turnAway(socket, 400, `This is a Tightbeam relay; it speaks the subprotocol ${subprotocol}.`);
      if (!hasRoom()) return turnAway(socket, 503, "This relay is full.");
      const release = releases.get(socket) ?? gate.enter(request.socket.remoteAddress);
      if (release === undefined) return turnAway(socket, 503, "Too many connections from this address wait for their login.");
      socket.once("close", release);
      // From here on heartbeats judge whether somebody is there.
      request.socket.setTimeout(0);
      websockets.handleUpgrade(request, socket, head, (ws) => enter(createSocket(ws, request, counters, idle), release));
    },
  };
}

const idle = { message: nothing, text: nothing, control: nothing, closed: nothing };

const monitoringPaths: readonly string[] = ["/metrics", "/health", "/ready"];

export interface PagesOptions {
  readonly limits: RelayLimits;
  /** Answers what is asked at the paths of monitoring; undefined for a relay that is not monitored here. */
  readonly monitoring: () => RequestListener | undefined;
  readonly counters: RelayCounters;
}

/** The server of a relay that was given a port. */
export function createRelayServer({ limits, monitoring, counters }: PagesOptions): Server {
  const answer = (response: ServerResponse, status: number, type: string, body: string) => {
    response.writeHead(status, {
      "Content-Type": type,
      "Content-Length": Buffer.byteLength(body),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    });
    response.end(body);
  };
  const server = createServer(
    {
      headersTimeout: limits.loginMs,
      requestTimeout: limits.loginMs,
      keepAliveTimeout: limits.loginMs,
      connectionsCheckingInterval: Math.min(1_000, limits.loginMs),
      maxHeaderSize: requestHeadMaxBytes,
    },
    (request, response) => {
      const pages = monitoringPaths.includes(pathOf(request)) ? monitoring() : undefined;
      if (pages !== undefined) return pages(request, response);
      request.resume();
      if (request.method !== "GET") return answer(response, 405, "text/plain", "Only GET.\n");
      return answer(response, 404, "text/plain", "This is a Tightbeam relay; connect with a WebSocket.\n");
    },
  );
  // Who asks and does not read his answers would hold his place for ever. After what takes too long to ask, which is told so.
  server.setTimeout(2 * limits.loginMs);
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    counters.turnedAway += 1;
    const status = statusOf[error.code ?? ""] ?? "400 Bad Request";
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    else socket.destroy();
  });
  return server;
}

const statusOf: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};
