import type { Check } from "./check.js";
import { describe, describeCall, type Handling, type Operation, type Reading, readOperations } from "./operations.js";

/** One of each kind of operations that are alike. */
const firsts = ({ operations }: Reading): readonly Operation[] => operations.filter((operation) => operation.alike[0] === operation);

export const genuine: Check = {
  name: "genuine",
  claim: "What reaches a handler was sent, just so, by the agent that the handler is told of: nothing forged, damaged, or meant for another.",
  run(outcome) {
    const reading = readOperations(outcome);
    const sent = new Map<Handling, number>();
    for (const { at, handled } of firsts(reading)) for (const call of handled) sent.set(call, at);
    return reading.handlings.flatMap((call) => {
      const at = sent.get(call);
      return at !== undefined && at <= call.at ? [] : [`${describeCall(call)}: nobody had sent it`];
    });
  },
};

export const once: Check = {
  name: "once",
  claim: "A message that is neither durable nor has an idempotency key reaches a handler at most once.",
  run(outcome) {
    return firsts(readOperations(outcome)).flatMap((first) => {
      const { alike, handled, what } = first;
      if (what === "publish" || alike.some(({ durable, idempotencyKey }) => durable || idempotencyKey !== undefined)) return [];
      return handled.length <= alike.length ? [] : [`${describe(first)}: sent ${alike.length} times, handled ${handled.length} times`];
    });
  },
};

export const order: Check = {
  name: "order",
  claim: "Messages on a link reach their handlers in the order in which they were sent, within each priority (G-04).",
  run(outcome) {
    const reading = readOperations(outcome);
    const lanes = new Map<string, { readonly call: Handling; readonly operation: Operation }[]>();
    for (const operation of firsts(reading)) {
      const { alike, handled, what, durable, idempotencyKey } = operation;
      // Which of several alike a call was for cannot be told; and what may run again may run late.
      if (alike.length > 1 || what === "publish" || durable || idempotencyKey !== undefined) continue;
      for (const call of handled) {
        // What waited for a link was sent when that came.
        if (reading.instances.get(operation.linked ?? "") !== `${call.agent}/${call.incarnation}`) continue;
        const lane = `${reading.instances.get(call.peerInstance)} ${call.agent}/${call.incarnation} ${operation.priority}`;
        lanes.set(lane, [...(lanes.get(lane) ?? []), { call, operation }]);
      }
    }
    return [...lanes.values()].flatMap((lane) => {
      const began = lane.sort((a, b) => a.call.call - b.call.call);
      return began.flatMap(({ call, operation }, index) => {
        const before = began[index - 1];
        return before === undefined || before.operation.operation < operation.operation ? [] : [`${describeCall(call)} after a later one of its lane`];
      });
    });
  },
};
