import type { Outcome } from "../outcome.js";

/** Agents whose disk lost a bit, or that said that something they kept is not what it was. */
export function damaged(outcome: Outcome): ReadonlySet<string> {
  const known = seen.get(outcome) ?? read(outcome);
  seen.set(outcome, known);
  return known;
}

const seen = new WeakMap<Outcome, ReadonlySet<string>>();

const read = ({ trace, faults }: Outcome): ReadonlySet<string> =>
  new Set([
    ...faults.flatMap((fault) => (fault.kind === "rot" || fault.kind === "header" ? [fault.agent] : [])),
    ...trace.flatMap((event) => (event.type === "log" && (event.what === "store_damaged" || event.what === "store_rolled_back") ? [event.agent] : [])),
  ]);
