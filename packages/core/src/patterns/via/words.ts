import { TightbeamError } from "../../errors.js";
import { type Address, isAddress, isAgentId } from "../../transport/address.js";
import { frameMaxBytes } from "./message.js";

/** What clients ask of an intermediate, under the names `tb/<name>`. */
export const names = { join: "via-join", subscribe: "via-subscribe", unsubscribe: "via-unsubscribe" } as const;

/** The version of what is said between a client and an intermediate. */
export const version = 1;
/** How many agents may forward a frame, unless an option says otherwise; no frame says more than `hopsMax`. */
export const hopsDefault = 8;
export const hopsMax = 32;
export const longestGroup = 129;

/** A client listens at an address, or an intermediate does for one of its own clients: then `hops` says how many more may. */
export interface Listening {
  /** Chosen by whoever asks, and used once on this link: frames for it carry the number. */
  readonly id: number;
  readonly at: Address;
  readonly group: string | undefined;
  readonly hops: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) ? (value as Fields) : undefined;

const isNumber = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 32;

/** Throws `invalid_input`, as everything here does for what a peer made up. */
export function readJoin(value: unknown): void {
  if (fieldsOf(value)?.version !== version) throw wrong(`${names.join} says version ${version}`);
}

export const joined = (hops: number) => ({ version, hops, frameBytes: frameMaxBytes });

/** True when this is the answer of an intermediate we can use. */
export function isJoined(value: unknown): boolean {
  const { version: theirs, frameBytes } = fieldsOf(value) ?? {};
  return theirs === version && typeof frameBytes === "number" && frameBytes >= frameMaxBytes;
}

export function readListening(value: unknown): Listening {
  const { id, at, group, hops } = fieldsOf(value) ?? {};
  if (!isNumber(id)) throw wrong("the id of a subscription is 1 to 2^32 - 1");
  if (typeof at !== "string" || at.length > 255 || !isAddress(at)) throw wrong("a subscription is at an address");
  if (group !== undefined && !isGroup(group)) throw wrong("a group is named like an agent");
  if (hops !== undefined && !(isNumber(hops) && hops <= hopsMax)) throw wrong(`hops are 1 to ${hopsMax}`);
  return { id, at, group, hops };
}

export function readLeaving(value: unknown): number {
  const id = fieldsOf(value)?.id;
  if (!isNumber(id)) throw wrong("the id of a subscription is 1 to 2^32 - 1");
  return id;
}

export const isGroup = (group: unknown): group is string => typeof group === "string" && group.length <= longestGroup && isAgentId(group);

const wrong = (what: string): TightbeamError => new TightbeamError("invalid_input", `Malformed: ${what}.`);
