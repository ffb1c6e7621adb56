import type { ErrorCode } from "../../errors.js";
import { isClosed } from "../../telemetry/closed.js";
import { isFailure } from "../../telemetry/failure.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import type { FollowedMessage, MessageFollower, MessageMoment, MessageStage, TelemetryEvent } from "../../telemetry/types.js";
import { addMoment, addStageOf, addToCall, type CallMessage, callIdOf, isFrom, isMovedBy, isReply, isSeen, type KeptCall, newCall, wordOf } from "./call.js";
import { isChosen, isMessageChosen } from "./ids.js";
import type { KeptCalls } from "./kept.js";
import type { TraceSettings } from "./options.js";
import { outcomeOf } from "./outcome.js";
import { createRecentMoments, type RecentMoments } from "./recent.js";
import { isOutline } from "./stages.js";
import type { TracedAgent } from "./types.js";

export interface Watching {
  watch(agent: TracedAgent): () => void;
  endAll(): void;
}

const uuidLength = 36;

type Stage = Parameters<MessageFollower["told"]> extends readonly [unknown, ...infer rest] ? rest : never;

type Tell = (message: CallMessage, ...stage: Stage) => KeptCall | undefined;
type Add = (call: KeptCall, message: CallMessage, ...stage: Stage) => void;
type AddStage = (call: KeptCall, from: boolean, reply: boolean, ...stage: Stage) => void;

/** Of a sampled message and of its reply: keeps their call at hand. */
class Following implements MessageFollower {
  readonly #tell: Tell;
  readonly #add: Add;
  readonly #addStage: AddStage;
  #call: KeptCall | undefined;
  #generation = 0;
  #isOut = false;
  /** What the call knows all of but the stages to come. Not what came and is not answered yet: the span that it has here may be another one by then. */
  #heard: FollowedMessage | undefined;
  #isFrom = false;
  #isReply = false;

  constructor(tell: Tell, add: Add, addStage: AddStage) {
    this.#tell = tell;
    this.#add = add;
    this.#addStage = addStage;
  }

  told(message: FollowedMessage, what: MessageStage, at: number, duration: number | undefined, code: ErrorCode | undefined, attempt: number | undefined): void {
    const call = this.#call;
    if (call !== undefined && call.generation === this.#generation) {
      if (message === this.#heard) return this.#addStage(call, this.#isFrom, this.#isReply, what, at, duration, code, attempt);
      this.#add(call, message, what, at, duration, code, attempt);
      return this.#hears(message);
    }
    if (this.#isOut && !isFailure(what)) return;
    this.#call = this.#tell(message, what, at, duration, code, attempt);
    if (this.#call !== undefined) {
      this.#generation = this.#call.generation;
      this.#hears(message);
    }
    // There was no room for it. A reply alone does not say so: it begins no call.
    else if (!isReply(message)) this.#isOut = true;
  }

  #hears(message: FollowedMessage): void {
    this.#isFrom = isFrom(message);
    this.#isReply = isReply(message);
    this.#heard = this.#isFrom || this.#isReply ? message : undefined;
  }
}

/** Puts what agents tell together. `onChange`: a call has a new stage. */
export function createWatching(calls: KeptCalls, { sample, detail, failures }: TraceSettings, onChange: (call: KeptCall) => void): Watching {
  const watched = new Map<TracedAgent, { count: number; readonly end: () => void }>();

  const isWanted = (id: string, trace: TraceContext | undefined): boolean =>
    trace === undefined ? isMessageChosen(id, sample) : trace.sampled && isChosen(trace.traceId, sample);

  const keepsStage = (what: MessageStage): boolean => detail === "stages" || isOutline(what);

  const add: Add = (call, message, what, at, duration, code, attempt) => {
    const from = isFrom(message);
    const keeps = keepsStage(what);
    const word = wordOf(call, message, from);
    // Its sender is seen for the first time, or a side says which trace it is of.
    if ((from && !isSeen(call, true)) || (word !== undefined && isMovedBy(call, from, word)))
      calls.moving(call, () => addToCall(call, message, keeps, what, at, duration, code, attempt));
    else addToCall(call, message, keeps, what, at, duration, code, attempt);
    onChange(call);
  };

  const addLater: AddStage = (call, from, reply, what, at, duration, code, attempt) => {
    addStageOf(call, from, reply, keepsStage(what), what, at, duration, code, attempt);
    onChange(call);
  };

  /** What its agent told of an unsampled call before it failed. */
  const before = (recent: RecentMoments | undefined, id: string, message: CallMessage, at: number): readonly MessageMoment[] =>
    (recent?.of(id, at) ?? []).filter((one) => one !== message && one.peer.id === message.peer.id && isFrom(one) === isFrom(message));

  const listenTo = (agent: TracedAgent): (() => void) => {
    const { id: own, telemetry } = agent;
    const recent = failures === "whole" ? createRecentMoments() : undefined;

    /** A stage of a call that is not at hand. Returns the call, where it is kept. `moment`: what told it. */
    const tell: (...told: [...Parameters<Tell>, moment?: MessageMoment]) => KeptCall | undefined = (message, what, at, duration, code, attempt, moment) => {
      const id = callIdOf(message);
      if (id?.length !== uuidLength) return undefined;
      const side = isFrom(message);
      const [from, to] = side ? [own, message.peer.id] : [message.peer.id, own];
      const call = calls.find(id, from, to);
      if (call !== undefined) {
        const isFirst = !isSeen(call, side);
        if (isFirst && !call.sampled) for (const one of before(recent, id, message, at)) add(call, one, one.what, one.at, one.duration, one.code, one.attempt);
        add(call, message, what, at, duration, code, attempt);
        return call;
      }
      const sampled = isWanted(id, message.trace);
      if (!sampled && moment !== undefined) recent?.note(moment);
      // A reply does not begin a call, and neither does the word that nobody waits for one, which looks like it.
      if (!isFailure(what) && (!sampled || isReply(message))) return undefined;
      const begun = newCall(id, from, to, at, message.priority, calls.takeSpare());
      begun.sampled = sampled;
      if (!sampled) for (const one of before(recent, id, message, at)) addMoment(begun, one, keepsStage(one.what));
      addToCall(begun, message, keepsStage(what), what, at, duration, code, attempt);
      if (!calls.add(begun)) return undefined;
      onChange(begun);
      return begun;
    };

    const told = (event: TelemetryEvent): void => {
      if (isClosed(event)) forget(agent);
      else if (event.kind === "message") tell(event, event.what, event.at, event.duration, event.code, event.attempt, event);
    };
    const follow = (message: FollowedMessage): MessageFollower | undefined =>
      isWanted(message.correlationId ?? message.id, message.trace) ? new Following(tell, add, addLater) : undefined;

    return telemetry.on(told, recent === undefined ? { messages: isWanted, follow } : { follow });
  };

  /** Nobody will tell how these went on. */
  const interrupt = (id: string): void => {
    if ([...watched.keys()].some((agent) => agent.id === id)) return;
    for (const call of calls) {
      const isOwn = (call.from === id && isSeen(call, true)) || (call.to === id && isSeen(call, false));
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
