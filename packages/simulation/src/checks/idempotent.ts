import type { Check } from "./check.js";
import { damaged } from "./damaged.js";
import { describeCall, type Handling, type Operation, readOperations } from "./operations.js";

const keyOf = (from: string, to: string, method: string, key: string): string => `${from}\n${to}\n${method}\n${key}`;

export const idempotent: Check = {
  name: "idempotent",
  claim:
    "What has an idempotency key takes effect once: a process handles it once unless that fails, and what was answered from a disk is never handled again.",
  run(outcome) {
    const { operations, handlings } = readOperations(outcome);
    const keeping = new Set(outcome.trace.flatMap((event) => (event.type === "write" ? [event.agent] : [])));
    const told = damaged(outcome);
    const answers = answeredAt(operations);
    const runs = new Map<string, Handling>();
    return handlings.flatMap((call) => {
      if (call.idempotencyKey === undefined || call.what === "topic" || call.attempt !== undefined) return [];
      const key = keyOf(call.peer, call.agent, call.method, call.idempotencyKey);
      const at = answers.get(key);
      if (at !== undefined && at < call.at && keeping.has(call.agent) && !told.has(call.agent))
        return [`${describeCall(call)}: it had been answered at ${at.toFixed(1)} ms`];
      const mine = `${call.incarnation}\n${key}`;
      const earlier = runs.get(mine);
      if (earlier === undefined || earlier.ended?.failed === true) runs.set(mine, call);
      return earlier === undefined || earlier.ended?.failed === true
        ? []
        : [`${describeCall(call)}: with this key it was handled at ${earlier.at.toFixed(1)} ms`];
    });
  },
};

/** When a request with a key was first answered. */
function answeredAt(operations: readonly Operation[]): ReadonlyMap<string, number> {
  const answers = new Map<string, number>();
  for (const { what, agent, to = "", method, idempotencyKey, settled } of operations) {
    const [end] = settled;
    if (what !== "request" || idempotencyKey === undefined || end === undefined || end.error !== undefined) continue;
    const key = keyOf(agent, to, method, idempotencyKey);
    answers.set(key, Math.min(answers.get(key) ?? Number.POSITIVE_INFINITY, end.at));
  }
  return answers;
}
