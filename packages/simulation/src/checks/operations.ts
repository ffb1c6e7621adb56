import type { Outcome } from "../outcome.js";
import type { HandlingEvent, SettledEvent, StartedEvent, TraceEvent } from "../trace.js";

type At = Pick<TraceEvent, "at" | "agent" | "incarnation">;

/** An operation with all that became of it. */
export interface Operation extends StartedEvent, At {
  readonly settled: (SettledEvent & At)[];
  /** Calls of handlers with its input, at the agent it was sent to: its own, and those of operations that are alike. */
  readonly handled: readonly Handling[];
  /** Operations of the same sender, receiver, method and input, itself included. */
  readonly alike: readonly Operation[];
}

export interface Handling extends HandlingEvent, At {
  ended: { readonly at: number; readonly failed: boolean; readonly print: string | undefined } | undefined;
  /** What it committed was kept: its message is handled, whatever becomes of it. */
  committed: boolean;
}

export interface Reading {
  readonly operations: readonly Operation[];
  readonly handlings: readonly Handling[];
  /** Of agents by the instances they had, `id/incarnation`. */
  readonly instances: ReadonlyMap<string, string>;
}

const readings = new WeakMap<Outcome, Reading>();

const keyOf = (from: string, to: string, what: string, method: string, print: string): string => `${from}\n${to}\n${what}\n${method}\n${print}`;

/** The trace in terms of operations and calls. Read once per outcome. */
export function readOperations(outcome: Outcome): Reading {
  const known = readings.get(outcome);
  if (known !== undefined) return known;
  const operations = new Map<number, Operation>();
  const handlings = new Map<number, Handling>();
  const instances = new Map<string, string>();
  const commits = new Map<number, Handling>();
  const states = new Map<string, { readonly print: string; readonly handling: Handling; readonly incarnation: number }[]>();
  const byInput = new Map<string, { readonly handled: Handling[]; readonly alike: Operation[] }>();
  const groupOf = (key: string) => {
    const group = byInput.get(key) ?? { handled: [], alike: [] };
    byInput.set(key, group);
    return group;
  };
  for (const event of outcome.trace) {
    const { at, agent, incarnation } = event;
    if (event.type === "started") {
      const what = event.what === "publish" ? "topic" : event.what === "stream" ? "stream" : "method";
      const group = groupOf(keyOf(agent, event.to ?? "", what, event.method, event.print));
      const operation = { ...event, settled: [], ...group };
      group.alike.push(operation);
      operations.set(event.operation, operation);
    } else if (event.type === "settled") operations.get(event.operation)?.settled.push(event);
    else if (event.type === "handling") {
      const handling: Handling = { ...event, ended: undefined, committed: false };
      handlings.set(event.call, handling);
      groupOf(keyOf(event.peer, event.what === "topic" ? "" : agent, event.what, event.method, event.print)).handled.push(handling);
    } else if (event.type === "handled") {
      const handling = handlings.get(event.call);
      if (handling !== undefined) handling.ended = { at, failed: event.failed, print: event.print };
    } else if (event.type === "keeping") {
      const handling = handlings.get(event.call ?? -1);
      if (handling === undefined) continue;
      commits.set(event.keep, handling);
      const key = `${agent}\n${event.name}`;
      const given = states.get(key) ?? [];
      states.set(key, given);
      given.push({ print: event.print, handling, incarnation });
    } else if (event.type === "restored") {
      // Its process may have died when it was flushed, and before anybody heard of it.
      const given = states.get(`${agent}\n${event.name}`) ?? [];
      const last = given.findLast(({ print }) => print === event.print);
      if (last !== undefined && last.incarnation !== incarnation)
        for (const one of given.slice(0, given.indexOf(last) + 1)) if (one.incarnation === last.incarnation) one.handling.committed = true;
    } else if (event.type === "kept") {
      const handling = commits.get(event.keep);
      if (handling !== undefined) handling.committed = event.error === undefined;
    } else if (event.type === "joined") instances.set(event.instance, `${agent}/${incarnation}`);
  }
  const reading = { operations: [...operations.values()], handlings: [...handlings.values()], instances };
  readings.set(outcome, reading);
  return reading;
}

/** An operation in a line of a report. Inputs are cut short: they may be long. */
export const describe = ({ what, agent, incarnation, to, method, print, at }: Operation): string =>
  `${what} of ${method} from ${agent}/${incarnation} to ${to ?? "all"} at ${at.toFixed(1)} ms, input ${print.slice(0, 80)}`;

export const describeCall = ({ agent, incarnation, method, peer, at, print }: Handling): string =>
  `${agent}/${incarnation} handled ${method} of ${peer} at ${at.toFixed(1)} ms, input ${print.slice(0, 80)}`;
