import type { RequestListener } from "node:http";
import {
  type AwaitUsing,
  awaitUsing,
  checkKnown,
  createAddressTable,
  isInstance,
  randomInstance,
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
import { listen, portOf, stopListening } from "./listen.js";
import { createLocal, type Local } from "./local.js";
import { startMonitoring, unreadyReasons } from "./monitoring.js";
import { type LocalOptions, type RelayOptions, readRelayOptions } from "./options.js";
import { loopbackOrigins, readOrigins } from "./origins.js";
import { createRegistry } from "./registry.js";
import { startRounds } from "./rounds.js";
import type { MonitoringServer } from "./serve-monitoring.js";
import { createSession, type Session, type SessionContext } from "./session.js";
import type { Socket } from "./socket.js";
import { createThroughput } from "./throughput.js";
import { takeUpgrades } from "./upgrades.js";

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

/**
 * Starts a relay: a table of addresses behind authenticated sockets. It keeps nothing that a restart could lose and sees addresses, sizes, times and ciphertext.
 * Rejects `invalid_argument` for options that do not fit together, `unavailable` when the port is taken.
 */
export async function createRelay(options: RelayOptions): Promise<Relay> {
  const { trust, policy, path, host, pages, monitoring, limits, runtime } = readRelayOptions(options);
  const { clock } = runtime;

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

  const stopRounds = startRounds({ runtime, limits, sessions, throughput });

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
    stopRounds();
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
