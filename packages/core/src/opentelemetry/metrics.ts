import { type MeterProvider, metrics as registered } from "@opentelemetry/api";
import type { TelemetryEvent } from "../telemetry/types.js";
import { createBreakers } from "./breakers.js";
import { createGauges, type Gauges } from "./gauges.js";
import { createInstruments, type Instruments } from "./instruments.js";
import type { LabelSets } from "./labels.js";
import { measureMessage } from "./messages.js";
import { attribute, conventions, scope } from "./names.js";
import type { WatchedAgent } from "./watched.js";

export interface Metrics {
  watch(agent: WatchedAgent): () => void;
}

/** The instruments are made with the first agent: a meter of a provider that is registered later would be another one. */
export function createMetrics(provider: MeterProvider | undefined, labels: LabelSets): Metrics {
  let instruments: Instruments | undefined;
  let gauges: Gauges | undefined;

  return {
    watch(agent) {
      if (instruments === undefined || gauges === undefined) {
        const meter = (provider ?? registered).getMeter(scope, undefined, { schemaUrl: conventions.schemaUrl });
        instruments = createInstruments(meter);
        gauges = createGauges(meter);
      }
      const own = instruments;
      const breakers = createBreakers();
      const endGauges = gauges.watch(agent, breakers);
      const endEvents = agent.telemetry.on((event) => {
        if (event.kind === "breaker") breakers.note(event);
        else measure(own, labels, agent.id, event);
      });
      return () => {
        endEvents();
        endGauges();
      };
    },
  };
}

function measure(own: Instruments, labels: LabelSets, agent: string, event: TelemetryEvent): void {
  const by = { [attribute.agent]: agent };
  switch (event.kind) {
    case "message":
      measureMessage(own, labels, agent, event);
      break;
    case "retry":
      own.retries.add(1, { ...by, [attribute.event]: event.what, ...(event.code === undefined ? {} : { [attribute.errorType]: event.code }) });
      break;
    case "session":
      own.sessions.add(1, { ...by, [attribute.event]: event.what });
      break;
    case "security":
      own.security.add(event.count, { ...by, [attribute.event]: event.what });
      break;
    default:
      break;
  }
}
