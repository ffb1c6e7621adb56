import type { AgentStatus, DeadLetterContents, DeadLetters, Envelope, LinkStatus, MessageMoment, TelemetryEvent, TelemetryWishes } from "@tightbeam/core";
import type { InspectedAgent } from "../src/source/local.js";

export interface FakeAgent extends InspectedAgent {
  /** Tells listeners, as far as they wish it. */
  tell(event: TelemetryEvent): void;
  /** A message's moment, with what the others need. */
  message(id: string, part: Partial<MessageMoment>): void;
  envelope(envelope: Envelope): void;
  readonly state: { links: LinkStatus[]; part: Partial<AgentStatus> };
  readonly listeners: number;
  readonly letters: DeadLetterContents[];
}

export const instanceOf = (letter: string): string => letter.repeat(22);
export const idOf = (number: number): string => `01900000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;

export function linkStatus(id: string, part: Partial<LinkStatus> = {}): LinkStatus {
  return {
    peer: { id, instance: instanceOf("p"), issuer: "https://auth.example", thumbprint: "t".repeat(43) },
    state: "up",
    suite: 0x0101,
    generation: 1,
    epoch: { send: 0, receive: 0 },
    sessions: 1,
    awaited: 0,
    roundTrip: 1.5,
    queue: { critical: 0, high: 0, normal: 0, low: 0 },
    inFlight: { messages: 0, bytes: 0, limit: 65_536 },
    credit: { messages: 1_000, bytes: 1_000_000 },
    counters: {
      messagesSent: 0,
      messagesReceived: 0,
      cellsSent: 0,
      cellsResent: 0,
      duplicates: 0,
      queuedMessages: 0,
      queuedBytes: 0,
      unacknowledgedBytes: 0,
      heldBytes: 0,
      roundTrip: 1.5,
      congestionWindow: 65_536,
      clockOffset: 0,
    },
    ...part,
  } as LinkStatus;
}

/** An agent as the inspector sees one: it does what it is told. */
export function createFakeAgent(id: string, letter = "a"): FakeAgent {
  const listening = new Set<{ listener: (event: TelemetryEvent) => unknown; wishes: TelemetryWishes | undefined }>();
  const watching = new Set<(envelope: Envelope) => void>();
  const state: FakeAgent["state"] = { links: [], part: {} };
  const letters: DeadLetterContents[] = [];
  const begun = new Map<string, Set<unknown>>();
  const always = ["failed", "expired", "dead_lettered"];

  const deadLetters: DeadLetters = {
    list: async ({ limit = 100, after } = {}) => {
      const found = letters.filter(({ id: each }) => after === undefined || each < after).reverse();
      const page = found.slice(0, limit);
      return { letters: page, next: found.length > limit ? page.at(-1)?.id : undefined };
    },
    get: async (wanted) => letters.find((each) => each.id === wanted),
    replay: async (wanted) => {
      letters.splice(
        letters.findIndex((each) => each.id === wanted),
        1,
      );
      return { replayed: 1, failed: [], failedCount: 0 };
    },
    discard: async (wanted) => letters.splice(letters.findIndex((each) => each.id === wanted) >>> 0, 1).length,
    statistics: async () => {
      throw new Error("not played");
    },
  };

  const tell = (event: TelemetryEvent): void => {
    for (const each of listening) {
      if (event.kind === "message" && !always.includes(event.what)) {
        const key = `${event.direction} ${event.id}`;
        if (!begun.has(key))
          begun.set(key, new Set([...listening].filter(({ wishes }) => wishes?.messages?.(event.correlationId ?? event.id, event.trace) ?? true)));
        if (!begun.get(key)?.has(each)) continue;
      }
      each.listener(event);
    }
  };

  return {
    id,
    instance: instanceOf(letter),
    state,
    letters,
    deadLetters,
    get listeners() {
      return listening.size + watching.size;
    },
    telemetry: {
      on(listener, wishes) {
        const entry = { listener, wishes };
        listening.add(entry);
        return () => void listening.delete(entry);
      },
      get listened() {
        return listening.size > 0;
      },
      ready: async () => undefined,
    } as InspectedAgent["telemetry"],
    status: () =>
      ({
        id,
        instance: instanceOf(letter),
        transport: "up",
        medium: "memory",
        ready: true,
        breakers: [],
        durable: { queued: 0, inFlight: 0, bytes: 0, receiving: 0 },
        deadLetters: { count: letters.length, bytes: letters.length },
        links: state.links,
        calls: { waiting: 0, running: 0, queued: 0, late: 0 },
        streams: { opened: 0, served: 0 },
        memory: { used: 0, most: 1 },
        ...state.part,
      }) as unknown as AgentStatus,
    onEnvelope(listener) {
      watching.add(listener);
      return () => void watching.delete(listener);
    },
    tell,
    message: (message, part) =>
      tell({
        kind: "message",
        at: 1_000,
        what: "queued",
        direction: "sent",
        id: message,
        type: "request",
        peer: { id: "bob", instance: instanceOf("b") },
        priority: "normal",
        bytes: 100,
        ...part,
      }),
    envelope: (envelope) => {
      for (const listener of watching) listener(envelope);
    },
  };
}
