import { createTraceStore } from "../../../src/observability/traces/trace-store.js";
import type { TracedAgent, TraceStore, TraceStoreOptions } from "../../../src/observability/traces/types.js";
import { createVirtualRuntime, type VirtualRuntime } from "../../../src/runtime/virtual.js";
import { createEmitter } from "../../../src/telemetry/events.js";
import type { TraceContext } from "../../../src/telemetry/trace-context.js";
import type { AgentTelemetry, MessageMoment, TelemetryEvent, TelemetryWishes } from "../../../src/telemetry/types.js";

export const startMs = 1_750_000_000_000;

/** A UUIDv7 whose random bytes are all `byte`: below `byte` / 256 of all traces are more likely to be sampled. */
export function idOf(number: number, byte = 0xff): string {
  const hex = byte.toString(16).padStart(2, "0");
  return `019774b0-${number.toString(16).padStart(4, "0").slice(-4)}-7${(number >>> 16).toString(16).padStart(3, "0")}-8a${hex}-${hex.repeat(6)}`;
}

export interface FakeAgent extends TracedAgent {
  /** As an agent would, its listeners' wishes observed. */
  tell(moment: Partial<MessageMoment> & Pick<MessageMoment, "what">): void;
  /** It has closed. */
  close(): void;
  readonly listeners: number;
}

/** An agent that does nothing but tell. */
export function fakeAgent(id: string, now: () => number = () => startMs): FakeAgent {
  const emitters = new Map<ReturnType<typeof createEmitter<TelemetryEvent>>, TelemetryWishes>();
  const telemetry: AgentTelemetry = {
    on(listener, wishes = {}) {
      const emitter = createEmitter<TelemetryEvent>();
      emitter.on(listener);
      emitters.set(emitter, wishes);
      return () => void emitters.delete(emitter);
    },
    get listened() {
      return emitters.size > 0;
    },
  };
  return {
    id,
    telemetry,
    get listeners() {
      return emitters.size;
    },
    close() {
      for (const emitter of emitters.keys()) emitter.emit({ kind: "agent", at: now(), what: "closed" });
    },
    tell(given) {
      const moment: MessageMoment = {
        kind: "message",
        at: now(),
        direction: "sent",
        id: idOf(1),
        type: "request",
        name: "work",
        peer: { id: id === "alice" ? "bob" : "alice", instance: "instance" },
        priority: "normal",
        bytes: 256,
        ...given,
      };
      const mustBeTold = ["failed", "expired", "dead_lettered"].includes(moment.what);
      for (const [emitter, { messages }] of emitters)
        if (mustBeTold || messages === undefined || messages(moment.correlationId ?? moment.id, moment.trace)) emitter.emit(moment);
    },
  };
}

export const contextOf = (number: number, more: Partial<TraceContext> = {}): TraceContext => ({
  traceId: number.toString(16).padStart(32, "0"),
  spanId: number.toString(16).padStart(16, "0"),
  sampled: true,
  ...more,
});

export interface Scene {
  readonly runtime: VirtualRuntime;
  readonly traces: TraceStore;
  readonly alice: FakeAgent;
  readonly bob: FakeAgent;
}

/** Two agents that are watched. `bobAhead`: ms that his clock is. */
export async function createScene(options: TraceStoreOptions = {}, bobAhead = 0): Promise<Scene> {
  const runtime = createVirtualRuntime({ seed: 1, start: startMs });
  const traces = await createTraceStore({ runtime, ...options });
  const alice = fakeAgent("alice", () => runtime.clock.wall());
  const bob = fakeAgent("bob", () => runtime.clock.wall() + bobAhead);
  traces.watch(alice);
  traces.watch(bob);
  return { runtime, traces, alice, bob };
}

/** A request of alice's that bob answers, each step 1 ms after the one before. */
export function requestOf(
  { alice, bob, runtime }: Omit<Scene, "traces">,
  id: string,
  more: Partial<MessageMoment> = {},
  sides: "both" | "alice" | "bob" = "both",
): void {
  const reply = { type: "response", correlationId: id, id: idOf(9_999), bytes: 300 } as const;
  const steps: (() => void)[] = [
    () => alice.tell({ what: "queued", id, ...more }),
    () => alice.tell({ what: "sealed", id, ...more }),
    () => alice.tell({ what: "sent", id, ...more }),
    () => bob.tell({ what: "delivered", direction: "received", id, ...more }),
    () => bob.tell({ what: "processed", direction: "received", id, duration: 1, ...more }),
    () => bob.tell({ what: "queued", ...reply, ...more }),
    () => bob.tell({ what: "sent", ...reply, ...more }),
    () => alice.tell({ what: "delivered", direction: "received", ...reply, ...more }),
    () => alice.tell({ what: "answered", id, duration: 8, ...more }),
    () => bob.tell({ what: "acknowledged", ...reply, ...more }),
  ];
  const ofBob = new Set([3, 4, 5, 6, 9]);
  for (const [index, step] of steps.entries()) {
    if (sides === "both" || ofBob.has(index) === (sides === "bob")) step();
    runtime.advanceSync(1);
  }
}
