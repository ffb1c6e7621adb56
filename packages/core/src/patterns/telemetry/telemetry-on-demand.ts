import { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import { onDemand } from "../../on-demand.js";
import { isolated } from "../../telemetry/events.js";
import type { Tracer } from "../../telemetry/tracer.js";
import type { LateTelemetry, TelemetryEvent } from "../../telemetry/types.js";
import type { Tracing } from "../taps.js";
import type { Listeners, Listening } from "./audience.js";
import { loadTelemetry } from "./load-telemetry.js";
import type { TelemetryHost } from "./telemetry.js";

/** `agent.telemetry`: nothing is told, nor are its makings there, until somebody listens. */
export function createTelemetry(host: TelemetryHost, load = loadTelemetry): LateTelemetry {
  const listeners: Listeners = { all: [] };
  let end: (() => void) | undefined;

  const begin = ({ beginTelling }: NonNullable<typeof load.loaded>): void => {
    if (end !== undefined || listeners.all.length === 0) return;
    end = beginTelling(host, listeners);
  };

  return {
    on(listener, wishes) {
      if (wishes !== undefined) checkKnown("telemetry.on()", wishes, ["messages", "follow"]);
      for (const wish of [wishes?.messages, wishes?.follow])
        if (wish !== undefined && typeof wish !== "function")
          throw new TightbeamError("invalid_argument", "`messages` is a function of a message's id and trace, `follow` one of the message.");
      const listening: Listening = { emit: isolated<TelemetryEvent>(listener), wants: wishes?.messages, follow: wishes?.follow, over: false };
      listeners.all = [...listeners.all, listening];
      if (load.loaded === undefined) load().then(begin, nothing);
      else begin(load.loaded);
      return () => {
        listening.over = true;
        listeners.all = listeners.all.filter((one) => one !== listening);
        if (listeners.all.length > 0) return;
        end?.();
        end = undefined;
      };
    },
    get listened() {
      return listeners.all.length > 0;
    },
    ready: () => load().then(nothing),
  };
}

const nothing = (): void => undefined;

const loadTracing = onDemand(() => import("./tracing.js"));

/** Rejects `unavailable`. */
export const tracingFor = async (tracer: Tracer, agent: string): Promise<Tracing> => (await loadTracing()).createTracing(tracer, agent);
