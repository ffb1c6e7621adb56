import type { RequestListener, Server } from "node:http";
import type { Identity, Trust } from "@tightbeam/core/identity";
import {
  type AwaitUsing,
  awaitUsing,
  checkKnown,
  createAddressTable,
  isInstance,
  type Runtime,
  randomInstance,
  systemRuntime,
  TightbeamError,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";
import type { Reason } from "../reasons.js";
import { createCopies } from "./copies.js";
import { createCounters, type RelayStats } from "./counters.js";
import { createDoor, createRelayServer } from "./door.js";
import { createGate } from "./gate.js";
import { receiveGuest } from "./guest.js";
import { createLease } from "./lease.js";
import { type GivenRelayLimits, relayLimits } from "./limits.js";
import { every, listen, portOf, stopListening } from "./listen.js";
import { createLocal, type Local } from "./local.js";
import { checkMonitoring, type RelayMonitoring, startMonitoring, unreadyReasons } from "./monitoring.js";
import { isLoopback, loopbackOrigins, readOrigins } from "./origins.js";
import type { RelayPolicy } from "./policy.js";
import { createRegistry } from "./registry.js";
import type { MonitoringServer } from "./serve-monitoring.js";
import { createSession, type Session, type SessionContext } from "./session.js";
import type { Socket } from "./socket.js";
import { createThroughput } from "./throughput.js";
import { takeUpgrades } from "./upgrades.js";

export interface RelayOptions {
  /** Listens here, 0 for any free port. Either this or `server`. */
  readonly port?: number | undefined;
  /** An HTTP or HTTPS server of yours; its own timeouts and `listen` stay yours. Upgrades for other paths than the relay's are left to other listeners, if there are any, and answered 404 if not. */
  readonly server?: Server | undefined;
  /** Default 127.0.0.1. Anything but loopback needs `origins`. */
  readonly host?: string | undefined;
  /** Default "/". */
  readonly path?: string | undefined;
  /** Decides which tokens count. */
  readonly trust: Trust;
  /** The public origins clients dial, such as `wss://relay.example`: a login names one of them and its token's audience is the same. Default on loopback: the loopback names with the port. */
  readonly origins?: readonly string[] | undefined;
  /** Origins of web pages that may connect, beside pages from the relay's own origins. Default none. */
  readonly pages?: readonly string[] | undefined;
  readonly policy?: RelayPolicy | undefined;
  readonly limits?: GivenRelayLimits | undefined;
  readonly runtime?: Runtime | undefined;
  /** GET /metrics, /health and /ready: on loopback, or for who shows a token. Default: none. */
  readonly monitoring?: RelayMonitoring | undefined;
}

export interface LocalOptions {
  readonly identity: Identity;
  /** Default: a fresh one. */
  readonly instance?: string | undefined;
  /** What a token would grant. Default `["transport:presence"]`. */
  readonly permissions?: readonly string[] | undefined;
  /** Default 4 MiB, at least one frame of the largest size. */
  readonly inboxBytes?: number | undefined;
}

export interface Relay extends AwaitUsing {
  readonly port: number;
  /** What to dial: each origin with the path. */
  readonly urls: readonly string[];
  readonly url: string;
  /** Where /metrics, /health and /ready are, with `monitoring.port`. */
  readonly monitoringUrl: string | undefined;
  /** A transport for an agent in this process, which others reach through this relay. Throws `denied` when the instance is taken with another key. */
  connect(options: LocalOptions): Promise<Transport & AwaitUsing & { readonly instance: string }>;
  stats(): RelayStats;
  /** Ends every socket and transport and stops listening. Idempotent, never rejects. */
  close(): Promise<void>;
}

const lookEveryMs = 1_000;
const names: readonly (keyof RelayOptions)[] = ["port", "server", "host", "path", "trust", "origins", "pages", "policy", "limits", "runtime", "monitoring"];

/**
 * Starts a relay: a table of addresses behind authenticated sockets. It keeps nothing that a restart could lose and sees addresses, sizes, times and ciphertext.
 * Rejects `invalid_argument` for options that do not fit together, `unavailable` when the port is taken.
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  checkKnown("createRelay", options, names);
  const { trust, policy, path = "/", host = "127.0.0.1", pages = [], monitoring } = options;
  const runtime = options.runtime ?? systemRuntime();
  const { clock } = runtime;
  const limits = relayLimits(options.limits);
  if (typeof trust?.verify !== "function" || typeof trust.recheck !== "function")
    throw invalid("`trust` says whose tokens count at the relay: authority.trust(), or one of `trust` of @tightbeam/core.");
  if (policy !== undefined && typeof policy !== "function") throw invalid("`policy` is a function.");
  if ((options.port === undefined) === (options.server === undefined)) throw invalid("A relay takes either `port` or `server`.");
  if (!path.startsWith("/")) throw invalid("`path` begins with '/'.");
  if (options.origins === undefined && (options.server !== undefined || !isLoopback(host))) {
    throw invalid("A relay that is not on loopback alone needs `origins`: the public origins its clients dial, such as wss://relay.example.");
  }
  if (options.origins !== undefined) readOrigins(options.origins, pages);
  if (monitoring !== undefined) checkMonitoring(monitoring, { own: options.server === undefined, host, origins: options.origins });

  const counters = createCounters();
  const throughput = createThroughput(counters, clock);
  const endedBy: Partial<Record<Reason, number>> = {};
  const tally = (reason: Reason | undefined) => {
    if (reason !== undefined) endedBy[reason] = (endedBy[reason] ?? 0) + 1;
  };
  const table = createAddressTable();
  const registry = createRegistry({ placesPerAgent: limits.instancesPerAgent });
  const lease = createLease();
  const gate = createGate(limits.unauthenticatedPerAddress, limits.unauthenticated);
  const sessions = new Set<Session>();
  const guests = new Set<Socket>();
  const locals = new Set<Local>();
  let closing: Promise<void> | undefined;
  const hasRoom = () => sessions.size + guests.size < limits.sockets;

  let pagesHere: RequestListener | undefined;
  const server = options.server ?? createRelayServer({ limits, counters, monitoring: () => pagesHere });
  const port = options.port === undefined ? portOf(server) : await listen(server, options.port, host);
  const origins = readOrigins(options.origins ?? loopbackOrigins(port), pages);

  const context: SessionContext = {
    runtime,
    limits,
    table,
    registry,
    policy,
    counters,
    lease,
    copies: createCopies(clock, limits.copiesPerSecond, limits.sockets),
    check: { trust, origins: origins.relay, now: () => clock.wall() },
    left(session, reason) {
      sessions.delete(session);
      tally(reason);
    },
  };
  const enter = (socket: Socket, release: () => void) => {
    if (options.server !== undefined) counters.connections += 1;
    guests.add(socket);
    receiveGuest({
      socket,
      runtime,
      check: context.check,
      loginMs: limits.loginMs,
      admitted(admission) {
        guests.delete(socket);
        release();
        const session = createSession(socket, admission, context);
        if (session === undefined) return tally("instance_taken");
        counters.logins += 1;
        sessions.add(session);
      },
      refused(reason) {
        guests.delete(socket);
        tally(reason);
      },
    });
  };
  const door = createDoor({
    path,
    hosts: () => origins.hosts,
    pages: () => origins.pages,
    limits,
    gate,
    counters,
    hasRoom: () => closing === undefined && hasRoom(),
    enter,
  });
  const leaveUpgrades = takeUpgrades(server, path, door.upgrade);
  if (options.server === undefined) server.on("connection", door.connection);

  const stops = [
    every(runtime, limits.heartbeatMs / 2, () => {
      for (const session of sessions) session.beat();
    }),
    every(runtime, lookEveryMs, () => {
      throughput.look();
      let waiting = 0;
      let slow = 0;
      for (const { buffered } of sessions) {
        waiting += buffered;
        if (buffered > limits.maxFrameBytes) slow += 1;
      }
      const fair = waiting > limits.outgoingTotalBytes ? Math.max(limits.maxFrameBytes, limits.outgoingTotalBytes / Math.max(1, slow)) : limits.outgoingBytes;
      const bound = Math.min(limits.outgoingBytes, fair);
      const now = clock.wall();
      for (const session of sessions) session.look(now, bound);
    }),
    every(runtime, limits.recheckMs, () => {
      const now = clock.wall();
      for (const session of sessions) void session.recheck(now);
    }),
  ];

  const stats = (): RelayStats => {
    let subscriptions = 0;
    let backlogBytes = 0;
    for (const session of sessions) {
      subscriptions += session.subscriptions;
      backlogBytes += session.buffered;
    }
    return {
      ...counters,
      sockets: sessions.size,
      unauthenticated: guests.size,
      locals: locals.size,
      subscriptions,
      addresses: table.size,
      backlogBytes,
      perSecond: throughput.rates(),
      ended: { ...endedBy },
    };
  };
  const shut = async (): Promise<void> => {
    for (const stop of stops) stop();
    leaveUpgrades();
    for (const local of locals) local.close();
    for (const session of [...sessions]) session.end("closing");
    for (const guest of [...guests]) guest.end("closing");
    await Promise.all([options.server === undefined && stopListening(server, runtime), monitor?.close()]);
  };
  let monitor: MonitoringServer | undefined;
  if (monitoring !== undefined) {
    const unready = () => unreadyReasons({ closing: closing !== undefined, full: !hasRoom(), listening: server.listening });
    const started = await startMonitoring({ stats, unready }, monitoring, runtime).catch(async (error) => {
      await shut();
      throw error;
    });
    monitor = started.server;
    pagesHere = started.listener;
  }

  const urls = [...origins.relay].map((origin) => `${origin}${path}`);
  return awaitUsing<Relay>({
    port,
    urls,
    url: urls[0] as string,
    monitoringUrl: monitor?.url,
    async connect({ identity, instance = randomInstance(runtime.random), permissions = ["transport:presence"], inboxBytes = 4 * 1024 * 1024, ...unknown }) {
      checkKnown("relay.connect", unknown, ["identity", "instance", "permissions", "inboxBytes"]);
      if (closing !== undefined) throw new TransportError("closed", "This relay has been closed.");
      if (!isInstance(instance)) throw invalid("`instance` is 22 base64url characters.");
      if (!Number.isSafeInteger(inboxBytes) || inboxBytes < limits.maxFrameBytes + 64)
        throw invalid("`inboxBytes` holds at least one frame of limits.maxFrameBytes and 64 bytes.");
      const left = (local: Local) => void locals.delete(local);
      const local = createLocal(identity, instance, permissions, { runtime, limits, table, registry, policy, lease, inboxBytes, left });
      locals.add(local);
      return local.transport;
    },
    stats,
    close() {
      closing ??= shut();
      return closing;
    },
  });
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
