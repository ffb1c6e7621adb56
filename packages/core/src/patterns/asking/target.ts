import { isName } from "../../envelope/grammar.js";
import { TightbeamError } from "../../errors.js";
import type { LinkTarget } from "../../link/link-types.js";
import { isAgentId, isInstance } from "../../transport/address.js";

/** Which of the peers of a kind: the one met first, each in turn, the one with the least to do, or any. */
export type Strategy = "direct" | "round-robin" | "least-loaded" | "random";

/** One of those that serve a kind, whoever that is. */
export interface KindTarget {
  readonly kind: string;
  /** Default `least-loaded`. */
  readonly strategy?: Strategy | undefined;
}

/** All that serve a kind. */
export interface BroadcastTarget {
  readonly kind: string;
  readonly strategy: "broadcast";
}

/** Whom an operation is for: an agent, one instance of it, or one of a kind. */
export type Target = string | LinkTarget | KindTarget;

export type AnyStrategy = Strategy | "broadcast";

/** All targets in one: `How` is the strategy that one names, so that one signature serves them all. It has undefined where none is named. */
export type TargetOf<How extends AnyStrategy | undefined> = string | LinkTarget | { readonly kind: string; readonly strategy?: How | undefined };
export type AnyTarget = TargetOf<AnyStrategy>;

/** With `broadcast` what became of it at each of the kind. */
export type Outcome<How extends AnyStrategy | undefined, One, Each> = undefined extends How ? One : How extends "broadcast" ? Each : One;

/** A target as links are looked up by: with a kind there is no id, and no link is found without asking for one of the kind. */
export interface Route extends LinkTarget {
  readonly kind?: string;
  readonly strategy?: Strategy | undefined;
}

const strategies: readonly unknown[] = ["direct", "round-robin", "least-loaded", "random"] satisfies readonly Strategy[];
const isStrategy = (value: unknown): value is Strategy => strategies.includes(value);

/** The last name that was checked: most agents talk to few. */
let last: Route | undefined;

/** Undefined for what is no target. */
export function toTarget(target: AnyTarget): Route | undefined {
  if (typeof target === "string") {
    if (target !== last?.id) last = isAgentId(target) ? { id: target } : undefined;
    return last;
  }
  if (typeof target !== "object" || target === null) return undefined;
  if ("kind" in target) return toKind(target);
  const { id, instance } = target;
  return isAgentId(id) && (instance === undefined || isInstance(instance)) ? target : undefined;
}

function toKind(target: Exclude<AnyTarget, string | LinkTarget>): Route | undefined {
  const { kind, strategy = "least-loaded" } = target;
  return isName(kind) && isStrategy(strategy) && isAlone(target) ? { id: "", kind, strategy } : undefined;
}

/** What names an agent may be a peer as `peers()` gives it, with more in it; a kind has nothing beside its strategy, or a misspelt one would go unseen. */
function isAlone(target: Exclude<AnyTarget, string | LinkTarget>): boolean {
  for (const name in target) if (name !== "kind" && name !== "strategy") return false;
  return true;
}

export const isBroadcast = (target: unknown): target is BroadcastTarget =>
  typeof target === "object" &&
  target !== null &&
  (target as BroadcastTarget).strategy === "broadcast" &&
  isName((target as BroadcastTarget).kind) &&
  isAlone(target as BroadcastTarget);

export const invalidTarget = (): TightbeamError =>
  new TightbeamError(
    "invalid_argument",
    "A target is an agent id ([realm/]name of A-Z a-z 0-9 _ -), { id, instance } or { kind, strategy }. See docs/presence.md.",
  );

export const notATarget = (): Promise<never> => Promise.reject(invalidTarget());
