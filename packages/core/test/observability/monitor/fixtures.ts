import { createPerformanceMonitor, type PerformanceMonitorOptions } from "../../../src/observability/monitor/monitor.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import { createEmitter } from "../../../src/telemetry/events.js";
import type { MessageMoment, RetryMoment, TelemetryEvent } from "../../../src/telemetry/types.js";

type Given<M> = Partial<M> & { readonly peer?: unknown };

/** An agent that says what a test tells it to. */
export function createTeller(id: string) {
  const { emit, on } = createEmitter<TelemetryEvent>();
  const message = (moment: Omit<Given<MessageMoment>, "peer"> & Pick<MessageMoment, "what" | "direction"> & { readonly peer?: string }): void => {
    const { peer = "bob", ...rest } = moment;
    emit({ kind: "message", at: 0, id: "1", type: "request", name: "find", priority: "normal", bytes: 100, peer: { id: peer, instance: "i" }, ...rest });
  };
  return {
    id,
    telemetry: { on, listened: true },
    message,
    retry: (moment: Partial<RetryMoment>) => emit({ kind: "retry", at: 0, what: "retried", peer: "bob", method: "find", ...moment }),
    emit,
    /** A request that was answered, as its caller tells it. */
    called: (method: string, { duration = 10, peer = "bob", bytes = 100, reply = 50 } = {}): void => {
      message({ what: "queued", direction: "sent", name: method, peer, bytes });
      message({ what: "delivered", direction: "received", type: "response", correlationId: "1", name: method, peer, bytes: reply });
      message({ what: "answered", direction: "sent", name: method, peer, bytes, duration });
    },
    /** One that came and was handled. */
    handled: (method: string, { duration = 5, peer = "bob", bytes = 100, reply = 50 } = {}): void => {
      message({ what: "delivered", direction: "received", name: method, peer, bytes });
      message({ what: "queued", direction: "sent", type: "response", correlationId: "1", name: method, peer, bytes: reply });
      message({ what: "processed", direction: "received", name: method, peer, bytes, duration });
    },
    /** One that came and was not. */
    refused: (method: string, code: MessageMoment["code"], { peer = "bob", bytes = 100, reply = 50 } = {}): void => {
      message({ what: "delivered", direction: "received", name: method, peer, bytes });
      message({ what: "failed", direction: "received", name: method, peer, bytes, duration: 0, ...(code && { code }) });
      message({ what: "queued", direction: "sent", type: "error", correlationId: "1", name: method, peer, bytes: reply });
    },
  };
}

export function createStage(options: PerformanceMonitorOptions = {}) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const monitor = createPerformanceMonitor({ runtime, ...options });
  const alice = createTeller("alice");
  const stop = monitor.watch(alice);
  return { runtime, monitor, alice, stop };
}
