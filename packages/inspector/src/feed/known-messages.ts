import type { SourceMessage } from "../source/types.js";
import { messageKey } from "./keys.js";
import type { MessageStageView, MessageView } from "./types.js";

const stagesMax = 16;

/** What each end told of one message. */
export interface KnownMessage {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly sent: SourceMessage | undefined;
  readonly received: SourceMessage | undefined;
}

export interface KnownMessages {
  /** What the agent of this key told. Returns what is known now. */
  add(agent: string, message: SourceMessage): KnownMessage;
  get(key: string): KnownMessage | undefined;
  /** The oldest first. */
  all(): IterableIterator<KnownMessage>;
}

/** The newest messages of all sources, each once: what both ends tell is put together. */
export function createKnownMessages(most: number): KnownMessages {
  const known = new Map<string, KnownMessage>();
  return {
    add(agent, message) {
      const { direction, peer, id } = message;
      const [from, to] = direction === "sent" ? [agent, peer] : [peer, agent];
      const key = messageKey(from, to, id);
      const before = known.get(key) ?? { key, from, to, sent: undefined, received: undefined };
      const now = { ...before, [direction]: goneOn(before[direction], message) };
      known.set(key, now);
      if (known.size > most) known.delete(known.keys().next().value as string);
      return now;
    },
    get: (key) => known.get(key),
    all: () => known.values(),
  };
}

/** A source tells all stages of what it still has; of what it let go, only what came later. */
function goneOn(before: SourceMessage | undefined, now: SourceMessage): SourceMessage {
  const [first] = now.stages;
  const [begun] = before?.stages ?? [];
  if (before === undefined || (first?.what === begun?.what && first?.at === begun?.at)) return now;
  return { ...before, ...now, stages: [...before.stages, ...now.stages].slice(0, stagesMax) };
}

export function messageView({ key, from, to, sent, received }: KnownMessage): MessageView {
  const { id, type, priority, bytes, ...rest } = (sent ?? received) as SourceMessage;
  const name = sent?.name ?? received?.name;
  const traceId = (sent ?? received)?.trace?.traceId ?? received?.trace?.traceId;
  const attempt = Math.max(sent?.attempt ?? 0, received?.attempt ?? 0);
  const stages = [...by("sender", sent), ...by("receiver", received)].sort((one, other) => one.at - other.at).slice(0, stagesMax);
  const code = sent?.code ?? received?.code;
  return {
    key,
    id,
    from,
    to,
    type,
    ...(name === undefined ? {} : { name }),
    ...(rest.correlationId === undefined ? {} : { correlationId: rest.correlationId }),
    priority,
    bytes,
    ...(traceId === undefined ? {} : { traceId }),
    ...(rest.durable === undefined ? {} : { durable: rest.durable }),
    ...(attempt === 0 ? {} : { attempt }),
    at: stages[0]?.at ?? 0,
    stages,
    ...(sent?.duration !== undefined && sent.stages.some(({ what }) => what === "answered") ? { answered: sent.duration } : {}),
    ...(received?.duration === undefined ? {} : { handled: received.duration }),
    ...(code === undefined ? {} : { code }),
  };
}

const by = (end: "sender" | "receiver", message: SourceMessage | undefined): MessageStageView[] =>
  (message?.stages ?? []).map(({ what, at }) => ({ what, at, by: end }));
