import { TightbeamError } from "../../errors.js";
import { type GivenLimits, limitsFrom } from "../../given-limits.js";
import type { Target } from "../asking/target.js";
import { hopsDefault, hopsMax } from "./words.js";

export interface ForwardOptions {
  /** Another agent that forwards: it gets what nobody here listens for, and our clients' subscriptions. It must let us: `forward:*` in our token. */
  readonly next?: Target | undefined;
  readonly limits?: GivenLimits<ForwardingLimits> | undefined;
}

/** Whole numbers of at least 1. */
export interface ForwardingLimits {
  /** Links that join. Default 1,024. */
  readonly clients: number;
  /** Of one agent, and its subscriptions at one address, where a group counts once. Default 64. */
  readonly clientsPerAgent: number;
  /** Addresses listened at, over all clients. Default 16,384. */
  readonly subscriptions: number;
  /** Of one client that listens for itself; one that forwards for others may have them all. Default 64. */
  readonly subscriptionsPerClient: number;
  /** Bytes that wait for one client; beyond, its newest frames are dropped. Default 4 MiB. */
  readonly queueBytes: number;
  /** Bytes that wait for all. Default 64 MiB. */
  readonly queueTotalBytes: number;
  /** Of one agent's frames that go to several, over all its links: beyond, those frames are dropped. Default 100,000. */
  readonly copiesPerSecond: number;
  /** How many agents, from here on, may forward a frame: its own number counts when it is lower. At most 32. Default 8. */
  readonly hops: number;
}

const defaults: ForwardingLimits = {
  clients: 1_024,
  clientsPerAgent: 64,
  subscriptions: 16_384,
  subscriptionsPerClient: 64,
  queueBytes: 4 * 1024 * 1024,
  queueTotalBytes: 64 * 1024 * 1024,
  copiesPerSecond: 100_000,
  hops: hopsDefault,
};

/** Throws `invalid_argument` for what is no limit. */
export function limitsOf(given: ForwardOptions["limits"] = {}): ForwardingLimits {
  const limits = limitsFrom("agent.forward", given, defaults);
  if (limits.hops > hopsMax) throw wrong(`hops are at most ${hopsMax}`);
  return limits;
}

export interface ThroughOptions {
  /** ms for the link and the intermediate's answer. Default 30,000. */
  readonly timeout?: number | undefined;
  /** How many agents may forward a frame on its way. 1 to 32, default 8; an intermediate may allow fewer. */
  readonly hops?: number | undefined;
  /** Bound of each subscription's inbox in bytes. Default 4 MiB. */
  readonly inboxBytes?: number | undefined;
}

const throughNames = new Set(["timeout", "hops", "inboxBytes"]);

export function checkThrough(options: ThroughOptions): void {
  for (const name in options) if (!throughNames.has(name)) throw wrong(`connectThrough has no option '${name.slice(0, 40)}'`);
  const { timeout, hops, inboxBytes } = options;
  if (timeout !== undefined && !(timeout > 0 && timeout <= 2 ** 31 - 1)) throw wrong("a timeout is 1 to 2^31 - 1 ms");
  if (hops !== undefined && !(Number.isInteger(hops) && hops >= 1 && hops <= hopsMax)) throw wrong(`hops are 1 to ${hopsMax}`);
  if (inboxBytes !== undefined && !(Number.isSafeInteger(inboxBytes) && inboxBytes >= inboxLeast)) throw wrong(`inboxBytes is at least ${inboxLeast}`);
}

/** One frame of the largest size. */
const inboxLeast = 128 * 1024 + 64;

export const wrong = (what: string): TightbeamError => new TightbeamError("invalid_argument", `Wrong: ${what}.`);
