import { isClosed } from "../../telemetry/closed.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import type { MessageMoment, TelemetryEvent } from "../../telemetry/types.js";
import { addMoment, callIdOf, isFrom, isReply, type KeptCall, newCall } from "./call.js";
import { isChosen, isMessageChosen } from "./ids.js";
import type { KeptCalls } from "./kept.js";
import type { TraceSettings } from "./options.js";
import { outcomeOf } from "./outcome.js";
import { createRecentMoments, type RecentMoments } from "./recent.js";
import { isFailure, isOutline } from "./stages.js";
import type { TracedAgent } from "./types.js";

export interface Watching {
  watch(agent: TracedAgent): () => void;
  endAll(): void;
}

const uuidLength = 36;

/** Puts what agents tell together. `onChange`: a call has a new stage. */
export function createWatching(calls: KeptCalls, { sample, detail, failures }: TraceSettings, onChange: (call: KeptCall) => void): Watching {
  const watched = new Map<TracedAgent, { count: number; readonly end: () => void }>();

  const isWanted = (id: string, trace: TraceContext | undefined): boolean =>
    trace === undefined ? isMessageChosen(id, sample) : trace.sampled && isChosen(trace.traceId, sample);

  const keepsStage = ({ what }: MessageMoment): boolean => detail === "stages" || isOutline(what);

  const add = (call: KeptCall, moment: MessageMoment): void => {
    const from = isFrom(moment);
    // Its sender is seen for the first time, or a side says which trace it is of.
    const isNews = moment.trace !== undefined && !isReply(moment) && (from ? call.fromTrace : call.toTrace)?.traceId !== moment.trace.traceId;
    if (isNews || (from && call.fromStartedAt === undefined)) calls.moving(call, () => addMoment(call, moment, keepsStage(moment)));
    else addMoment(call, moment, keepsStage(moment));
    onChange(call);
  };

  /** What its agent told of an unsampled call before it failed. */
  const before = (recent: RecentMoments | undefined, id: string, moment: MessageMoment): readonly MessageMoment[] =>
    (recent?.of(id, moment.at) ?? []).filter((one) => one !== moment && one.peer.id === moment.peer.id && isFrom(one) === isFrom(moment));

  const listenTo = (agent: TracedAgent): (() => void) => {
    const { id: own, telemetry } = agent;
    const recent = failures === "whole" ? createRecentMoments() : undefined;

    const begin = (id: string, from: string, to: string, moment: MessageMoment, sampled: boolean): void => {
      const call = newCall(id, from, to, moment);
      call.sampled = sampled;
      if (!sampled) for (const one of before(recent, id, moment)) addMoment(call, one, keepsStage(one));
      addMoment(call, moment, keepsStage(moment));
      if (calls.add(call)) onChange(call);
    };

    const told = (event: TelemetryEvent): void => {
      if (event.kind !== "message") return isClosed(event) ? forget(agent) : undefined;
      const id = callIdOf(event);
      if (id?.length !== uuidLength) return;
      const side = isFrom(event);
      const [from, to] = side ? [own, event.peer.id] : [event.peer.id, own];
      const call = calls.find(id, from, to);
      if (call !== undefined) {
        const isFirst = (side ? call.fromStartedAt : call.toStartedAt) === undefined;
        if (isFirst && !call.sampled) for (const one of before(recent, id, event)) add(call, one);
        return add(call, event);
      }
      const sampled = isWanted(id, event.trace);
      if (!sampled) recent?.note(event);
      // A reply does not begin a call, and neither does the word that nobody waits for one, which looks like it.
      if (isFailure(event.what) || (sampled && !isReply(event))) begin(id, from, to, event, sampled);
    };

    return telemetry.on(told, recent === undefined ? { messages: isWanted } : {});
  };

  /** Nobody will tell how these went on. */
  const interrupt = (id: string): void => {
    if ([...watched.keys()].some((agent) => agent.id === id)) return;
    for (const call of calls) {
      const isOwn = (call.fromStartedAt !== undefined && call.from === id) || (call.toStartedAt !== undefined && call.to === id);
      if (!isOwn || outcomeOf(call).status !== "active") continue;
      call.interrupted = true;
      onChange(call);
    }
  };

  const forget = (agent: TracedAgent): void => {
    watched.get(agent)?.end();
    if (watched.delete(agent)) interrupt(agent.id);
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
        if (--watch.count === 0) forget(agent);
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
