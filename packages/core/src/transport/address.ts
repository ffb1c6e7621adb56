import { TightbeamError } from "../errors.js";

declare const branded: unique symbol;
/** 1 to 4 segments of `[A-Za-z0-9_-]{1,64}` joined by `/`. Only `address()` makes one. */
export type Address = string & { readonly [branded]: "Address" };

const grammar = /^[\w-]{1,64}(?:\/[\w-]{1,64}){0,3}$/;
const agentIdGrammar = /^(?:[\w-]{1,64}\/)?[\w-]{1,64}$/;
const instanceGrammar = /^[\w-]{22}$/;

export const isAddress = (value: string): value is Address => grammar.test(value);
/** An agent id is `[realm/]name`, each part `[A-Za-z0-9_-]{1,64}`. */
export const isAgentId = (value: unknown): value is string => typeof value === "string" && agentIdGrammar.test(value);
/** An instance is 128 random bits as 22 base64url characters. */
export const isInstance = (value: unknown): value is string => typeof value === "string" && instanceGrammar.test(value);

/** Joins segments into an address. Throws `invalid_address` when one is outside the grammar. */
export function address(...segments: readonly string[]): Address {
  const joined = segments.join("/");
  if (!isAddress(joined)) {
    throw new TightbeamError("invalid_address", "An address is 1 to 4 segments of A-Z a-z 0-9 _ -, each 1 to 64 long, joined by '/'.");
  }
  return joined;
}

/** Where the instances of an agent listen, as one group, for the first handshake frame of a new link. */
export const agentAddress = (agentId: string): Address => address("agent", agentId);
/** One instance's return address: every other frame goes there. */
export const inboxAddress = (agentId: string, instance: string): Address => address("inbox", agentId, instance);

/** Splits `inbox/<agent>/<instance>`; undefined for anything else. */
export function parseInbox(value: string): { agentId: string; instance: string } | undefined {
  if (!isAddress(value) || !value.startsWith("inbox/")) return undefined;
  const end = value.lastIndexOf("/");
  const agentId = value.slice("inbox/".length, end);
  const instance = value.slice(end + 1);
  return isAgentId(agentId) && isInstance(instance) ? { agentId, instance } : undefined;
}
