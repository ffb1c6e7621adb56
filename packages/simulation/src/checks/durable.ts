import type { Outcome } from "../outcome.js";
import type { Check } from "./check.js";
import { damaged } from "./damaged.js";
import { describe, describeCall, type Handling, type Operation, readOperations } from "./operations.js";

const durable = (outcome: Outcome): readonly Operation[] =>
  readOperations(outcome).operations.filter((operation) => operation.durable && operation.what === "notify" && operation.to !== undefined);

const succeeded = ({ ended, committed }: Handling): boolean => committed || ended?.failed === false;

export const acknowledged: Check = {
  name: "acknowledged",
  claim: "What a durable notify accepted was handled by the end, or is a dead letter with its reason.",
  run(outcome) {
    const told = damaged(outcome);
    const letters = new Set(
      outcome.trace.flatMap((event) => {
        if (event.type !== "letter") return [];
        const [from, to] = event.side === "sender" ? [event.agent, event.peer] : [event.peer, event.agent];
        return [`${from}\n${to}\n${event.method}\n${event.print}`];
      }),
    );
    return durable(outcome).flatMap((operation) => {
      const { agent, to = "", method, print, settled, handled } = operation;
      if (settled[0] === undefined || settled[0].error !== undefined || told.has(agent) || told.has(to)) return [];
      return handled.some(succeeded) || letters.has(`${agent}\n${to}\n${method}\n${print}`) ? [] : [`${describe(operation)} was accepted, and is gone`];
    });
  },
};

export const sound: Check = {
  name: "sound",
  claim: "No store is found damaged or rolled back unless a disk has lost a bit.",
  run({ trace, faults }) {
    if (faults.some(({ kind }) => kind === "rot" || kind === "header")) return [];
    return trace.flatMap((event) =>
      event.type === "log" && (event.what === "store_damaged" || event.what === "store_rolled_back")
        ? [`${event.agent}/${event.incarnation} at ${event.at.toFixed(1)} ms: ${event.text}`]
        : [],
    );
  },
};

export const done: Check = {
  name: "done",
  claim: "What was confirmed as done is not handled again, unless a store was damaged since, or its receiver has none and started again.",
  run(outcome) {
    const told = damaged(outcome);
    const keeping = new Set(outcome.trace.flatMap((event) => (event.type === "write" ? [event.agent] : [])));
    return durable(outcome).flatMap((operation) => {
      const [end] = operation.settled;
      if (operation.confirm !== "done" || end === undefined || end.error !== undefined || operation.alike.length > 1) return [];
      if (told.has(operation.agent) || told.has(operation.to ?? "")) return [];
      const [first] = operation.handled;
      const again = operation.handled.find((call) => call.at > end.at && (keeping.has(call.agent) || call.incarnation === first?.incarnation));
      return again === undefined ? [] : [`${describeCall(again)}: it was confirmed as done at ${end.at.toFixed(1)} ms`];
    });
  },
};

export const inTurn: Check = {
  name: "in-turn",
  claim: "Durable messages of one agent for another are first handled in the order in which they were sent, within each priority, across restarts of both.",
  run(outcome) {
    const told = damaged(outcome);
    const lanes = new Map<string, Operation[]>();
    const ordered = new Set(readOperations(outcome).handlings.flatMap((call) => (call.ordered === true ? [`${call.agent} ${call.method}`] : [])));
    for (const operation of durable(outcome)) {
      const { agent, to = "", priority, alike, handled, method } = operation;
      if (alike.length > 1 || handled.length === 0 || told.has(agent) || told.has(to)) continue;
      // Others pass an ordered handler that waits for its turn.
      const lane = `${agent} ${to} ${priority} ${ordered.has(`${to} ${method}`) ? method : ""}`;
      lanes.set(lane, [...(lanes.get(lane) ?? []), operation]);
    }
    return [...lanes.values()].flatMap((lane) =>
      lane.flatMap((operation, index) => {
        const next = lane[index + 1];
        const [first, other] = [operation.handled[0], next?.handled[0]];
        return first === undefined || other === undefined || first.call < other.call ? [] : [`${describeCall(first)} after a later one of its lane`];
      }),
    );
  },
};
