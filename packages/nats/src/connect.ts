import { type AwaitUsing, checkKnown, type Runtime, systemRuntime, TightbeamError, type Transport } from "@tightbeam/core/transport";
import { createBackoff, type ReconnectOptions } from "./backoff.js";
import { describe } from "./causes.js";
import type { NatsLogin, TlsOptions } from "./client/options.js";
import { isNatsConnection, type NatsConnection } from "./connection.js";
import { defaultServer, parseServers } from "./servers.js";
import { createSubjects } from "./subjects.js";
import { createNatsTransport } from "./transport.js";

interface CommonOptions {
  /** First token of every subject, 1 to 64 of `A-Z a-z 0-9 _ -`, not beginning with `_`. Agents hear each other only under the same one. Default `tightbeam`. */
  readonly prefix?: string | undefined;
  /** Time and randomness. Default: the machine's. */
  readonly runtime?: Runtime | undefined;
  /** ms for connecting, and for the server's first answer. Default 10,000. */
  readonly connectTimeout?: number | undefined;
  /** Bound of each subscription's inbox in bytes, 64 counted for every frame beside its own. Default 4 MiB. */
  readonly inboxBytes?: number | undefined;
  /** `send` waits while more than this many bytes are not confirmed by the server. Default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
  /** The largest frame this side sends. Default 1 MiB; the server's `max_payload` counts besides. */
  readonly maxFrameBytes?: number | undefined;
}

/** Connects with `@nats-io/transport-node`: Node, Bun, Deno. */
export interface NatsServerOptions extends CommonOptions, NatsLogin {
  /** `nats://host:4222`, `tls://host`, or `host:port`. The others of a cluster are learned from the first that answers. Default `nats://127.0.0.1:4222`. */
  readonly servers?: string | readonly string[] | undefined;
  /** With it, or with a `tls://` server, a connection without TLS is refused. */
  readonly tls?: TlsOptions | undefined;
  /** Shown in the server's monitoring. */
  readonly name?: string | undefined;
  readonly reconnect?: ReconnectOptions | undefined;
  readonly connection?: undefined;
}

/** Uses a connection that exists. */
export interface NatsConnectionOptions extends CommonOptions {
  readonly connection: NatsConnection;
  /** Whether `close()` closes the connection too. Default false: whoever made it closes it, and others may go on using it. */
  readonly closeConnection?: boolean | undefined;
}

export type NatsOptions = NatsServerOptions | NatsConnectionOptions;

const commonNames: readonly (keyof CommonOptions)[] = ["prefix", "runtime", "connectTimeout", "inboxBytes", "highWaterBytes", "maxFrameBytes"];
const serverNames: readonly (keyof NatsServerOptions)[] = [
  ...commonNames,
  "servers",
  "tls",
  "name",
  "reconnect",
  "connection",
  "user",
  "password",
  "token",
  "nkey",
  "credsFile",
];
const connectionNames: readonly (keyof NatsConnectionOptions)[] = [...commonNames, "connection", "closeConnection"];
const tlsNames: readonly (keyof TlsOptions)[] = ["ca", "cert", "key", "servername"];

/**
 * A transport over core NATS. It reconnects by itself, with its subscriptions, until `close()`; over a connection that was passed in, as that connection does.
 *
 * Rejects `invalid_argument` (servers, prefix, login, numbers), `unavailable` (nobody listens, no answer in time), `denied` (credentials),
 * `failed` (TLS, not a NATS server), `unsupported` (a server without headers or with a `max_payload` under 21 KiB; a runtime without TCP).
 */
export async function connectNats(given: NatsOptions | NatsConnection = {}): Promise<Transport & AwaitUsing> {
  const options: NatsOptions = isNatsConnection(given) ? { connection: given } : given;
  if (options.connection === undefined) checkKnown("connectNats", options, serverNames);
  else checkKnown("connectNats with a connection", options, connectionNames);
  const runtime = options.runtime ?? systemRuntime();
  const timeoutMs = whole("connectTimeout", options.connectTimeout ?? 10_000, 1);
  const maxFrameBytes = whole("maxFrameBytes", options.maxFrameBytes ?? 1024 * 1024, 21 * 1024);
  const common = {
    subjects: createSubjects(options.prefix ?? "tightbeam"),
    runtime,
    timeoutMs,
    maxFrameBytes,
    inboxBytes: whole("inboxBytes", options.inboxBytes ?? 4 * 1024 * 1024, maxFrameBytes + 64),
    highWaterBytes: whole("highWaterBytes", options.highWaterBytes ?? 1024 * 1024, 1),
  };
  if (options.connection !== undefined) {
    const { connection, closeConnection: owned = false } = options as NatsConnectionOptions;
    if (!isNatsConnection(connection)) throw invalid("`connection` is a connection of a NATS client: what its connect() resolves with.");
    if (connection.isClosed()) throw invalid("`connection` is closed already.");
    return createNatsTransport({ ...common, connection, owned, where: "the NATS connection that was passed in", backoff: undefined });
  }

  const { servers = defaultServer, reconnect = {}, tls, name } = options;
  checkKnown("connectNats under reconnect", reconnect, ["minMs", "maxMs"]);
  if (tls !== undefined) checkKnown("connectNats under tls", tls, tlsNames);
  const { urls, secure } = parseServers(servers);
  const where = urls.join(", ");
  const backoff = createBackoff(runtime.random, whole("reconnect.minMs", reconnect.minMs ?? 100, 1), whole("reconnect.maxMs", reconnect.maxMs ?? 5_000, 1));
  const login = oneLogin(options);
  const { openConnection } = await import("#client");
  const connection = await openConnection({ servers: urls, login, tls: secure ? (tls ?? {}) : tls, name, timeoutMs, backoff }).catch((error: unknown) => {
    throw error instanceof Error && error.name === "TightbeamError" ? error : describe(error, `Could not connect to ${where}`, "failed");
  });
  return createNatsTransport({ ...common, connection, owned: true, where, backoff });
}

function oneLogin({ user, password, token, nkey, credsFile }: NatsServerOptions): NatsLogin {
  if ([user, token, nkey, credsFile].filter((each) => each !== undefined).length > 1)
    throw invalid("Log in with one of `user`, `token`, `nkey` and `credsFile`.");
  if (password !== undefined && user === undefined) throw invalid("A `password` needs a `user`.");
  if (user !== undefined) return { user, ...(password === undefined ? {} : { password }) };
  if (token !== undefined) return { token };
  if (nkey !== undefined) return { nkey };
  return credsFile === undefined ? {} : { credsFile };
}

function whole(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) throw invalid(`\`${name}\` is a whole number of at least ${least}.`);
  return value;
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
