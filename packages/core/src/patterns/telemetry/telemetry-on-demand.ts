import { createEmitter } from "../../telemetry/events.js";
import type { AgentTelemetry, TelemetryEvent } from "../../telemetry/types.js";
import { loadTelemetry } from "./load-telemetry.js";
import type { TelemetryHost } from "./telemetry.js";

/** `agent.telemetry`: nothing is told, nor are its makings there, until somebody listens. */
export function createTelemetry(host: TelemetryHost, load = loadTelemetry): AgentTelemetry {
  const { emit, on } = createEmitter<TelemetryEvent>();
  const openedAt = host.runtime.clock.wall();
  let listeners = 0;
  let opened = false;
  let end: (() => void) | undefined;

  const begin = ({ beginTelling }: NonNullable<typeof load.loaded>): void => {
    if (end !== undefined || listeners === 0) return;
    end = beginTelling(host, emit);
    if (opened) return;
    opened = true;
    host.runtime.timers.turn(() => emit({ kind: "agent", at: openedAt, what: "opened" }));
  };

  return {
    on(listener) {
      const off = on(listener);
      listeners++;
      let over = false;
      if (load.loaded === undefined) load().then(begin, nothing);
      else begin(load.loaded);
      return () => {
        if (over) return;
        over = true;
        off();
        if (--listeners > 0) return;
        end?.();
        end = undefined;
      };
    },
    get listened() {
      return listeners > 0;
    },
    ready: () => load().then(nothing),
  };
}

const nothing = (): void => undefined;
