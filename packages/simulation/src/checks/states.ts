import type { Outcome } from "../outcome.js";
import type { KeepingEvent, TraceEvent } from "../trace.js";
import type { Check } from "./check.js";
import { damaged } from "./damaged.js";
import { describe, describeCall, type Handling, type Operation, readOperations } from "./operations.js";

type At<E> = E & Pick<TraceEvent, "at" | "agent" | "incarnation">;

interface Keeping extends At<KeepingEvent> {
  /** Its place among those of its agent and name, in the order of their calls. */
  readonly place: number;
  /** When it was flushed; or that it was not. */
  done: { readonly at: number; readonly error: string | undefined } | undefined;
}

interface Restored {
  readonly at: number;
  readonly incarnation: number;
  readonly print: string | undefined;
  /** The one that was restored; undefined for none at all. `wrong`: neither the last that was kept nor a later one. */
  readonly of: Keeping | undefined;
  readonly wrong: string | undefined;
}

/** All that became of an agent's states of one name. */
export interface Shelf {
  readonly agent: string;
  readonly name: string;
  readonly keepings: Keeping[];
  readonly restored: Restored[];
}

const shelves = new WeakMap<Outcome, readonly Shelf[]>();

function readShelves(outcome: Outcome): readonly Shelf[] {
  const known = shelves.get(outcome);
  if (known !== undefined) return known;
  const all = new Map<string, Shelf>();
  const byNumber = new Map<number, Keeping>();
  const shelfOf = (agent: string, name: string): Shelf => {
    const key = `${agent}\n${name}`;
    const shelf = all.get(key) ?? { agent, name, keepings: [], restored: [] };
    all.set(key, shelf);
    return shelf;
  };
  for (const event of outcome.trace) {
    if (event.type === "keeping") {
      const { keepings } = shelfOf(event.agent, event.name);
      const keeping: Keeping = { ...event, place: keepings.length, done: undefined };
      keepings.push(keeping);
      byNumber.set(event.keep, keeping);
    } else if (event.type === "kept") {
      const keeping = byNumber.get(event.keep);
      if (keeping !== undefined) keeping.done = { at: event.at, error: event.error };
    } else if (event.type === "restored" && event.error === undefined) {
      const { keepings, restored } = shelfOf(event.agent, event.name);
      restored.push({ at: event.at, incarnation: event.incarnation, print: event.print, ...judgeRestored(keepings, event.print) });
    }
  }
  const found = [...all.values()];
  shelves.set(outcome, found);
  return found;
}

const isKept = ({ done }: Keeping): boolean => done !== undefined && done.error === undefined;

function judgeRestored(keepings: readonly Keeping[], print: string | undefined): Pick<Restored, "of" | "wrong"> {
  const last = keepings.findLastIndex(isKept);
  const of = keepings.findLast((keeping) => keeping.print === print);
  if (print === undefined) return { of: undefined, wrong: last === -1 ? undefined : "nothing, although there was one" };
  if (of === undefined) return { of, wrong: "what nobody had kept" };
  return { of, wrong: of.place >= last ? undefined : "an older one than the last that was kept" };
}

/** Those of agents whose disks lost nothing. */
export const wholeShelves = (outcome: Outcome): readonly Shelf[] => {
  const told = damaged(outcome);
  return readShelves(outcome).filter(({ agent }) => !told.has(agent));
};

export const restored: Check = {
  name: "restored",
  claim: "What is restored is the last state that was kept, or a later one that was being kept when the process died.",
  run: (outcome) =>
    wholeShelves(outcome).flatMap(({ agent, name, restored: all }) =>
      all.flatMap(({ at, incarnation, wrong }) => (wrong === undefined ? [] : [`${agent}/${incarnation} restored ${name} at ${at.toFixed(1)} ms: ${wrong}`])),
    ),
};

/** The calls of handlers whose commits are in the last state, in their order. Undefined when a program did not go on from what it restored. */
export function lineageOf({ keepings, restored: all }: Shelf): readonly number[] | undefined {
  let calls: { readonly place: number; readonly call: number }[] = [];
  let process = 0;
  let failedAt = Number.POSITIVE_INFINITY;
  const since = (incarnation: number): boolean => {
    for (let next = process + 1; next <= incarnation; next++) {
      const start = all.find((each) => each.incarnation === next);
      const commits = keepings.some((each) => each.incarnation === next);
      if (start === undefined) {
        if (commits) return false;
        continue;
      }
      if (start.wrong !== undefined) return false;
      calls = calls.filter(({ place }) => start.of !== undefined && place <= start.of.place);
      failedAt = Number.POSITIVE_INFINITY;
    }
    process = incarnation;
    return true;
  };
  for (const { incarnation, place, call, done, at } of keepings) {
    if (incarnation !== process && !since(incarnation)) return undefined;
    if (at > failedAt) return undefined;
    // It may be there all the same, if the disk failed: the next process knows.
    if (done !== undefined && done.error !== undefined) failedAt = Math.min(failedAt, done.at);
    if (call !== undefined) calls.push({ place, call });
  }
  const last = all.at(-1);
  if (last === undefined || last.incarnation < process || !since(last.incarnation) || failedAt < last.at) return undefined;
  return calls.map(({ call }) => call);
}

export const committed: Check = {
  name: "committed",
  claim: "A durable message whose handler commits is in the committed state once, across restarts: state and mark agree.",
  run(outcome) {
    const told = damaged(outcome);
    const { operations, handlings } = readOperations(outcome);
    const byCall = new Map(handlings.map((call) => [call.call, call]));
    const buried = new Set(outcome.trace.flatMap((event) => (event.type === "letter" ? [event.print] : [])));
    return wholeShelves(outcome).flatMap((shelf) => {
      const lineage = lineageOf(shelf);
      if (lineage === undefined) return [];
      const times = new Map<Handling["print"], number>();
      for (const call of lineage) {
        const { print = "" } = byCall.get(call) ?? {};
        times.set(print, (times.get(print) ?? 0) + 1);
      }
      const committing = new Set(shelf.keepings.flatMap(({ call }) => (call === undefined ? [] : [byCall.get(call)?.print])));
      return operations.flatMap((operation) => {
        const { durable, to, print, alike, agent, settled } = operation;
        if (!durable || to !== shelf.agent || alike.length > 1 || !committing.has(print) || told.has(agent)) return [];
        const count = times.get(print) ?? 0;
        if (count > 1) return [`${describe(operation)} is ${count} times in ${shelf.name} of ${to}`];
        const isOver = settled[0] !== undefined && settled[0].error === undefined && !buried.has(print);
        return count === 0 && isOver ? [`${describe(operation)} was accepted, and is not in ${shelf.name} of ${to}`] : [];
      });
    });
  },
};

export const marked: Check = {
  name: "marked",
  claim: "No durable message is handled again after its commit was kept, or after a checkpoint that was kept when its handler had settled.",
  run(outcome) {
    const told = damaged(outcome);
    const byCall = new Map<number, Operation>();
    const durable = readOperations(outcome).operations.filter(
      (one) => one.durable && one.alike.length === 1 && !told.has(one.agent) && !told.has(one.to ?? ""),
    );
    for (const operation of durable) for (const { call } of operation.handled) byCall.set(call, operation);
    const again = (operation: Operation, { at }: { readonly at: number }, why: string): string[] => {
      const later = operation.handled.find((call) => call.at > at);
      return later === undefined ? [] : [`${describeCall(later)}: ${why} at ${at.toFixed(1)} ms`];
    };
    return wholeShelves(outcome).flatMap(({ agent, name, keepings }) =>
      keepings.flatMap(({ call, done, at, incarnation }) => {
        if (done === undefined || done.error !== undefined) return [];
        const one = byCall.get(call ?? -1);
        if (call !== undefined) return one === undefined ? [] : again(one, done, "it was committed");
        return durable.flatMap((operation) => {
          const mine =
            operation.to === agent &&
            operation.handled.some(({ ended, ...run }) => run.incarnation === incarnation && ended?.failed === false && ended.at < at);
          return mine ? again(operation, done, `its handler had settled before the checkpoint ${name}, kept`) : [];
        });
      }),
    );
  },
};
