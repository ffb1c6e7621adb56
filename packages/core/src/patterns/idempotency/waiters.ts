import type { EncodedPayload } from "../../codec/types.js";
import * as keptLimits from "../../kept-limits.js";
import { heldBytes } from "../answering/keep-payload.js";
import type { Call } from "../answering/running-calls.js";
import type { Operation } from "./operation.js";

/** Calls that wait for the reply of another one with the same key: so many of one peer agent, within its share of the memory. */
export interface Waiters {
  /** False: there is no room for one more. */
  add(operation: Operation, call: Call, payload: EncodedPayload | undefined): boolean;
  /** It waits no longer. */
  remove(operation: Operation, call: Call): void;
}

export function createWaiters(): Waiters {
  /** By peer agent. */
  const counts = new Map<string, number>();
  return {
    add({ peer, waiting }, call, payload) {
      const count = counts.get(peer) ?? 0;
      const bytes = heldBytes(call.header, payload);
      if (count >= keptLimits.idempotencyWaiting || !call.link.budget.take(bytes)) return false;
      counts.set(peer, count + 1);
      waiting.set(call, payload === undefined ? undefined : { kind: payload.kind, bytes: payload.bytes.slice() });
      return true;
    },
    remove({ peer, waiting }, call) {
      const payload = waiting.get(call);
      waiting.delete(call);
      call.link.budget.give(heldBytes(call.header, payload));
      const left = (counts.get(peer) ?? 1) - 1;
      if (left === 0) counts.delete(peer);
      else counts.set(peer, left);
    },
  };
}
