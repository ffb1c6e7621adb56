import type { TraceContext } from "../../telemetry/trace-context.js";
import type { MessageMoment, TelemetryEvent } from "../../telemetry/types.js";
import { addMoment, isFailure, isOutline, type KeptCall, newCall, type Seen, seenBy } from "./call.js";
import { isChosen, isMessageChosen } from "./ids.js";
import type { KeptCalls } from "./kept.js";
import type { TraceSettings } from "./options.js";
import { outcomeOf } from "./outcome.js";
import { createRecentMoments } from "./recent.js";
import type { TracedAgent } from "./types.js";

export interface Watching {
  watch(agent: TracedAgent): () => void;
  endAll(): void;
}

/** Puts what agents tell together. `onChange`: a call has a new stage. */
export function createWatching(calls: KeptCalls, { sample, detail, failures }: TraceSettings, onChange: (call: KeptCall) => void): Watching {
  const watched = new Map<TracedAgent, { count: number; readonly end: () => void }>();

  const isWanted = (id: string, trace: TraceContext | undefined, quiet = false): boolean =>
    !quiet && (trace === undefined ? isMessageChosen(id, sample) : trace.sampled && isChosen(trace.traceId, sample));

  const keepsStage = ({ what }: MessageMoment): boolean => detail === "stages" || isOutline(what);

  const add = (call: KeptCall, seen: Seen, moment: MessageMoment): void => {
    const { fromStartedAt, fromTrace, toTrace } = call;
    // Its sender is seen for the first time, or says which trace it is of.
    const moves =
      (seen.side === "from" && fromStartedAt === undefined) || (moment.trace !== undefined && (seen.side === "from" ? fromTrace : toTrace) === undefined);
    if (moves) calls.moving(call, () => addMoment(call, seen, moment, keepsStage(moment)));
    else addMoment(call, seen, moment, keepsStage(moment));
    onChange(call);
  };

  const listenTo = (agent: TracedAgent): (() => void) => {
    const { id: own, telemetry } = agent;
    const recent = failures === "whole" ? createRecentMoments() : undefined;

    /** What this agent told of an unsampled call before it failed. */
    const before = (seen: Seen, moment: MessageMoment): readonly (readonly [Seen, MessageMoment])[] =>
      (recent?.of(seen.id, moment.at) ?? []).flatMap((one) => {
        const part = seenBy(own, one);
        return one !== moment && part?.from === seen.from && part.to === seen.to ? [[part, one] as const] : [];
      });

    const begin = (seen: Seen, moment: MessageMoment, sampled: boolean): void => {
      const call = newCall(seen, moment);
      call.sampled = sampled;
      if (!sampled) for (const [part, one] of before(seen, moment)) addMoment(call, part, one, keepsStage(one));
      addMoment(call, seen, moment, keepsStage(moment));
      if (calls.add(call)) onChange(call);
    };

    const told = (event: TelemetryEvent): void => {
      if (event.kind !== "message") return;
      const seen = seenBy(own, event);
      if (seen === undefined) return;
      const call = calls.find(seen.id, seen.from, seen.to);
      if (call !== undefined) {
        const isFirst = (seen.side === "from" ? call.fromStartedAt : call.toStartedAt) === undefined;
        if (isFirst && !call.sampled) for (const [part, one] of before(seen, event)) add(call, part, one);
        return add(call, seen, event);
      }
      const sampled = isWanted(seen.id, event.trace);
      if (!sampled) recent?.note(event);
      // A reply does not begin a call, and neither does the word that nobody waits for one, which looks like it.
      if (isFailure(event.what) || (sampled && seen.of === "call")) begin(seen, event, sampled);
    };

    return telemetry.on(told, recent === undefined ? { messages: isWanted } : {});
  };

  /** Nobody will tell how these went on. */
  const interrupt = (id: string): void => {
    if ([...watched.keys()].some((agent) => agent.id === id)) return;
    for (const call of calls) {
      const isOwn = (call.fromStartedAt !== undefined && call.from.id === id) || (call.toStartedAt !== undefined && call.to.id === id);
      if (!isOwn || outcomeOf(call).status !== "active") continue;
      call.interrupted = true;
      onChange(call);
    }
  };

  return {
    watch(agent) {
      const known = watched.get(agent);
      if (known === undefined) watched.set(agent, { count: 1, end: listenTo(agent) });
      else known.count++;
      let ended = false;
      return () => {
        const watch = watched.get(agent);
        if (ended || watch === undefined) return;
        ended = true;
        if (--watch.count > 0) return;
        watch.end();
        watched.delete(agent);
        interrupt(agent.id);
      };
    },
    endAll() {
      const agents = [...watched];
      watched.clear();
      for (const [agent, { end }] of agents) {
        end();
        interrupt(agent.id);
      }
    },
  };
}
