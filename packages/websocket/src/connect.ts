import type { Identity } from "@tightbeam/core/identity";
import { checkKnown, isAgentId, isInstance, type Runtime, randomInstance, systemRuntime, TightbeamError } from "@tightbeam/core/transport";
import { openSocket } from "#socket";
import type { ReconnectOptions } from "./backoff.js";
import { createWebSocketTransport, type WebSocketTransport } from "./transport.js";
import { openWith, type WebSocketConstructor } from "./wire/web.js";
import type { TlsOptions } from "./wire/wire.js";

export interface WebSocketOptions {
  /** Logs in with this identity's id, key and a token whose audience is the origin of the URL, such as `wss://relay.example`. */
  readonly identity: Identity;
  /** The instance to log in as: 22 base64url characters. Default: a fresh one, readable as `transport.instance`. */
  readonly instance?: string | undefined;
  /** Time and randomness. Default: the machine's. */
  readonly runtime?: Runtime | undefined;
  readonly reconnect?: ReconnectOptions | undefined;
  /** ms for each of: opening the socket, logging in, restoring the subscriptions. Default 10,000. */
  readonly connectTimeout?: number | undefined;
  /** Bound of each subscription's inbox in bytes, 64 counted for every frame beside its own. Default 4 MiB. */
  readonly inboxBytes?: number | undefined;
  /** `send` waits while more than this many bytes are buffered on this side. Default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
  /** The largest frame this side sends or takes. Default 1 MiB; the relay's own limit counts besides. */
  readonly maxFrameBytes?: number | undefined;
  /** Node only. */
  readonly tls?: TlsOptions | undefined;
  /** Offered after the relay's own subprotocol, for gateways that read them. */
  readonly subprotocols?: readonly string[] | undefined;
  /** A WHATWG WebSocket to use in place of the platform's (or of `ws` on Node). */
  readonly webSocket?: WebSocketConstructor | undefined;
}

const names: readonly (keyof WebSocketOptions)[] = [
  "identity",
  "instance",
  "runtime",
  "reconnect",
  "connectTimeout",
  "inboxBytes",
  "highWaterBytes",
  "maxFrameBytes",
  "tls",
  "subprotocols",
  "webSocket",
];
const tlsNames: readonly (keyof TlsOptions)[] = ["ca", "cert", "key", "servername"];

/**
 * Connects to a relay and logs in. The transport reconnects by itself, with its subscriptions, until `close()` or until the same instance
 * connects elsewhere (`closed` resolves with `replaced`).
 *
 * Rejects `invalid_argument` (URL, options), `unavailable` (nobody listens, no answer in time, the relay has no room), `failed` (TLS, not a relay),
 * `denied` (the relay refused the login; the message names its reason).
 */
export async function connectWebSocket(url: string | URL, options: WebSocketOptions): Promise<WebSocketTransport> {
  checkKnown("connectWebSocket", options, names);
  const { identity, reconnect = {}, tls, subprotocols = [] } = options;
  if (!isAgentId(identity?.id) || typeof identity.token !== "function")
    throw invalid("`identity` says who logs in: connectWebSocket(url, { identity: await authority.enroll(id) }), the one that the agent gets, too.");
  checkKnown("connectWebSocket under reconnect", reconnect, ["minMs", "maxMs"]);
  if (tls !== undefined) checkKnown("connectWebSocket under tls", tls, tlsNames);
  const runtime = options.runtime ?? systemRuntime();
  const instance = options.instance ?? randomInstance(runtime.random);
  if (!isInstance(instance)) throw invalid("`instance` is 22 base64url characters.");
  const maxFrameBytes = whole("maxFrameBytes", options.maxFrameBytes ?? 1024 * 1024, 21 * 1024);
  return createWebSocketTransport({
    dial: {
      url: relayUrl(url),
      identity,
      instance,
      runtime,
      open: options.webSocket === undefined ? openSocket : openWith(options.webSocket),
      subprotocols,
      timeoutMs: whole("connectTimeout", options.connectTimeout ?? 10_000, 1),
      maxMessageBytes: maxFrameBytes,
      tls,
    },
    reconnectMinMs: whole("reconnect.minMs", reconnect.minMs ?? 100, 1),
    reconnectMaxMs: whole("reconnect.maxMs", reconnect.maxMs ?? 5_000, 1),
    inboxBytes: whole("inboxBytes", options.inboxBytes ?? 4 * 1024 * 1024, maxFrameBytes + 64),
    highWaterBytes: whole("highWaterBytes", options.highWaterBytes ?? 1024 * 1024, 1),
  });
}

function relayUrl(given: string | URL): URL {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw invalid("The relay's URL cannot be read; it looks like wss://relay.example or ws://127.0.0.1:8787.");
  }
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw invalid(`A relay's URL begins with ws:// or wss://, not ${url.protocol}//.`);
  if (url.username !== "" || url.password !== "") throw invalid("A relay's URL holds no user name or password: the identity's token is the login.");
  if (url.hash !== "") throw invalid("A relay's URL has no fragment (#).");
  return url;
}

function whole(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) throw invalid(`\`${name}\` is a whole number of at least ${least}.`);
  return value;
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
