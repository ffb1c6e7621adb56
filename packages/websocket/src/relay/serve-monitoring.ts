import { createServer, type RequestListener } from "node:http";
import type { MonitoringAccess, MonitoringHandler, MonitoringOptions } from "@tightbeam/core/observability";
import { type AwaitUsing, awaitUsing, type Runtime, systemRuntime, TightbeamError } from "@tightbeam/core/transport";
import { listen, stopListening } from "./listen.js";
import { isLoopback } from "./origins.js";
import { webListener } from "./web-listener.js";

const loopback = "127.0.0.1";
const patienceMs = 5_000;
/** Of a connection on which nothing moves: somebody who does not read his answers would hold it for ever. As long as Prometheus waits. */
const stillMaxMs = 10_000;
const connectionsMax = 64;
const headMaxBytes = 8 * 1024;

export interface MonitoringPlace {
  /** 0 for any free one. */
  readonly port: number;
  /** Default 127.0.0.1. Anything but loopback needs a `token`. */
  readonly host?: string | undefined;
}

export interface ServeMonitoringOptions extends MonitoringOptions, MonitoringPlace {
  readonly runtime?: Runtime | undefined;
}

export interface MonitoringServer extends AwaitUsing {
  readonly port: number;
  /** Without a path: `http://127.0.0.1:9464`. */
  readonly url: string;
  /** Idempotent, never rejects. */
  close(): Promise<void>;
}

/**
 * `createMonitoringHandler` on a server of its own, for Node: /metrics, /health and /ready of agents. Plain HTTP: for other machines put TLS before it,
 * or the token is open to the network. Rejects `invalid_argument` for a host beyond loopback without a token, and `unavailable` when the port is taken.
 */
export async function serveMonitoring(options: ServeMonitoringOptions): Promise<MonitoringServer> {
  const { createMonitoringHandler } = await import("@tightbeam/core/observability");
  const { port, host = loopback, runtime = systemRuntime(), ...monitored } = options;
  return openMonitoring(createMonitoringHandler(monitored), { port, host }, monitored, runtime);
}

/** Rejects as `serveMonitoring` does. */
export async function openMonitoring(
  handler: MonitoringHandler,
  place: MonitoringPlace,
  access: MonitoringAccess,
  runtime: Runtime,
  stillMs = stillMaxMs,
): Promise<MonitoringServer> {
  const { port: wanted, host = loopback } = place;
  if (access.token === undefined && !isLoopback(host)) {
    throw new TightbeamError(
      "invalid_argument",
      `On ${host} everybody who reaches this machine could read the figures: give a \`token\`, or stay on 127.0.0.1.`,
    );
  }
  const server = createServer(
    {
      headersTimeout: patienceMs,
      requestTimeout: patienceMs,
      keepAliveTimeout: patienceMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: headMaxBytes,
    },
    monitoringListener(handler),
  );
  server.maxConnections = connectionsMax;
  server.setTimeout(stillMs);
  const port = await listen(server, wanted, host, "Monitoring");
  let closing: Promise<void> | undefined;
  return awaitUsing<MonitoringServer>({
    port,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close() {
      closing ??= stopListening(server, runtime);
      return closing;
    },
  });
}

/** A request without `Host`, which HTTP/1.0 allows, says nothing of where it was meant for. */
export function monitoringListener(handler: MonitoringHandler): RequestListener {
  const answer = webListener(handler);
  return (request, response) => {
    if (request.headers.host === undefined) response.writeHead(400, { connection: "close" }).end();
    else answer(request, response);
  };
}
