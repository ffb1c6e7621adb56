import type { RequestListener } from "node:http";
import type { MonitoringAccess, MonitoringHandler } from "@tightbeam/core/observability";
import { type Runtime, TightbeamError } from "@tightbeam/core/transport";
import type { RelayStats } from "./counters.js";
import { relayFamilies } from "./metrics.js";
import { isLoopback } from "./origins.js";
import { type MonitoringServer, monitoringListener, openMonitoring } from "./serve-monitoring.js";

/** GET /metrics, /health and /ready of a relay. */
export interface RelayMonitoring extends MonitoringAccess {
  /** Listens here, 0 for any free port. Default: the relay's own server answers, if it has one. */
  readonly port?: number | undefined;
  /** With `port`. Default 127.0.0.1; anything but loopback needs a `token`. */
  readonly host?: string | undefined;
}

/** What the pages ask. */
export interface MonitoredRelay {
  stats(): RelayStats;
  /** Why it takes no sockets: it ends, it is full, nothing listens. */
  unready(): readonly RelayReason[];
}

export interface RelayReason {
  readonly code: "closing" | "full" | "not_listening";
  readonly message: string;
}

/** Throws `invalid_argument` when monitoring would be open to more than this machine without a token. */
export function checkMonitoring(
  { port, host: place, token }: RelayMonitoring,
  { own, host, origins }: { readonly own: boolean; readonly host: string; readonly origins: readonly string[] | undefined },
): void {
  if (port !== undefined) return;
  if (place !== undefined) throw invalid("`monitoring.host` goes with `monitoring.port`: without it the relay's own server answers, where that listens.");
  if (!own) throw invalid("A relay on a `server` of yours has no server for monitoring: give `monitoring.port`.");
  const open = !isLoopback(host) || (origins ?? []).some((origin) => !isLoopback(hostOf(origin)));
  if (open && token === undefined)
    throw invalid("This relay can be reached from elsewhere: give `monitoring.token`, or `monitoring.port` for a server on 127.0.0.1.");
}

const hostOf = (origin: string): string => new URL(origin).hostname.replace(/^\[|\]$/g, "");

export const unreadyReasons = ({ closing, full, listening }: Readonly<Record<"closing" | "full" | "listening", boolean>>): readonly RelayReason[] => [
  ...(closing ? [{ code: "closing", message: "The relay ends." } as const] : []),
  ...(full ? [{ code: "full", message: "As many sockets as `limits.sockets` allows." } as const] : []),
  ...(listening ? [] : [{ code: "not_listening", message: "Its HTTP server does not listen." } as const]),
];

/** Pages for the relay's own server, or a server for them. Rejects as `openMonitoring`, and `invalid_argument` for a token or a host that is none. */
export async function startMonitoring(
  relay: MonitoredRelay,
  monitoring: RelayMonitoring,
  runtime: Runtime,
): Promise<{ readonly listener?: RequestListener; readonly server?: MonitoringServer }> {
  const { port, host, ...access } = monitoring;
  const pages = await createRelayPages(relay, access);
  if (port === undefined) return { listener: monitoringListener(pages) };
  return { server: await openMonitoring(pages, { port, ...(host !== undefined && { host }) }, access, runtime) };
}

async function createRelayPages(relay: MonitoredRelay, access: MonitoringAccess): Promise<MonitoringHandler> {
  const { createMonitoringEndpoint, exposition, metricsContentType } = await import("@tightbeam/core/observability");
  const page = (well: boolean, value: object) => ({ status: well ? 200 : 503, type: "application/json", body: `${JSON.stringify(value)}\n` }) as const;
  return createMonitoringEndpoint(access, {
    "/metrics": () => ({ status: 200, type: metricsContentType, body: exposition(relayFamilies(relay.stats(), process.memoryUsage())) }),
    "/health": () => {
      const reasons = relay.unready();
      const failed = reasons.some(({ code }) => code === "not_listening");
      return page(!failed, { status: failed ? "failed" : reasons.length > 0 ? "degraded" : "ok", reasons });
    },
    "/ready": () => {
      const reasons = relay.unready();
      return page(reasons.length === 0, { ready: reasons.length === 0, reasons });
    },
  });
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
