import { TightbeamError } from "@tightbeam/core/transport";

/** What one relay takes. Sizes in bytes, times in ms. */
export interface RelayLimits {
  /** The largest frame that is carried. Default 256 KiB, at least 21 KiB. */
  readonly maxFrameBytes: number;
  /** From the TCP connection to the end of the HTTP request, and again from there to the end of the login. Default 5,000. */
  readonly loginMs: number;
  /** Connections without a login, from one address (IPv6: one /64). Default 64. Behind a proxy all come from one: set it to `unauthenticated` there and limit in the proxy. */
  readonly unauthenticatedPerAddress: number;
  /** Connections without a login, in all. Default 1,024. */
  readonly unauthenticated: number;
  /** Sockets in all. Default 10,000. */
  readonly sockets: number;
  /** Instances of one agent at a time, sockets and transports of this process: one agent cannot take every socket. Default 1,024. */
  readonly instancesPerAgent: number;
  /** Default 64. */
  readonly subscriptionsPerSocket: number;
  /** Frames one socket may send; above it the relay reads that socket more slowly. Default 100,000. */
  readonly framesPerSecond: number;
  /** Copies of frames to where several listen that one agent may have made, over all its sockets; what is more is dropped until the next second. Default 100,000. */
  readonly copiesPerSecond: number;
  /** Everything but SEND, and the WebSocket's own pings: subscriptions, PING, RENEW. Above it the socket is closed (`rate_limited`). Default 200, ten seconds' worth at once. */
  readonly controlPerSecond: number;
  /** What may wait for one socket that reads slowly; above it new frames for it are dropped. Default 8 MiB. */
  readonly outgoingBytes: number;
  /** What may wait for all sockets together; above it the slow ones share what is left. Default 512 MiB. */
  readonly outgoingTotalBytes: number;
  /** A socket that drops for this long is closed (`slow_consumer`). Default 10,000. */
  readonly slowConsumerMs: number;
  /** Silence before PING; a socket silent for two of these is closed. Default 20,000. */
  readonly heartbeatMs: number;
  /** How often revocation is asked about for live sockets. Default 60,000. */
  readonly recheckMs: number;
}

export type GivenRelayLimits = { readonly [Name in keyof RelayLimits]?: number | undefined };

const defaults: RelayLimits = {
  maxFrameBytes: 256 * 1024,
  loginMs: 5_000,
  unauthenticatedPerAddress: 64,
  unauthenticated: 1_024,
  sockets: 10_000,
  instancesPerAgent: 1_024,
  subscriptionsPerSocket: 64,
  framesPerSecond: 100_000,
  copiesPerSecond: 100_000,
  controlPerSecond: 200,
  outgoingBytes: 8 * 1024 * 1024,
  outgoingTotalBytes: 512 * 1024 * 1024,
  slowConsumerMs: 10_000,
  heartbeatMs: 20_000,
  recheckMs: 60_000,
};

const least: Partial<RelayLimits> = { maxFrameBytes: 21 * 1024, heartbeatMs: 100 };

/** Throws `invalid_argument` for a name that is no limit and for a value that makes none. */
export function relayLimits(given: GivenRelayLimits = {}): RelayLimits {
  const all: { -readonly [Name in keyof RelayLimits]: number } = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      throw new TightbeamError("invalid_argument", `'${name.slice(0, 40)}' is no limit of a relay; the limits are ${Object.keys(defaults).join(", ")}.`);
    }
    if (value === undefined) continue;
    const lowest = least[name as keyof RelayLimits] ?? 1;
    if (!Number.isSafeInteger(value) || value < lowest) throw new TightbeamError("invalid_argument", `limits.${name} is a whole number of at least ${lowest}.`);
    all[name as keyof RelayLimits] = value;
  }
  if (all.outgoingBytes < all.maxFrameBytes)
    throw new TightbeamError("invalid_argument", "limits.outgoingBytes holds at least one frame of limits.maxFrameBytes.");
  return all;
}
