import { type MeterProvider, metrics as registered } from "@opentelemetry/api";
import { TightbeamError } from "../errors.js";
import { isClosed } from "../telemetry/closed.js";
import type { TelemetryEvent } from "../telemetry/types.js";
import { createGauges, type Gauges } from "./gauges.js";
import { createInstruments, type Instruments } from "./instruments.js";
import type { LabelSets } from "./labels.js";
import { measureMessage } from "./messages.js";
import { attribute, conventions, scope } from "./names.js";
import type { WatchedAgent } from "./watched.js";

export interface Metrics {
  /** Until its agent has closed, or the returned function is called. Throws `invalid_argument` while it is watched. */
  watch(agent: WatchedAgent): () => void;
}

/** The instruments are made with the first agent: a meter of a provider that is registered later would be another one. */
export function createMetrics(provider: MeterProvider | undefined, labels: LabelSets): Metrics {
  let instruments: Instruments | undefined;
  let gauges: Gauges | undefined;
  const watched = new Set<WatchedAgent>();

  return {
    watch(agent) {
      if (watched.has(agent)) throw new TightbeamError("invalid_argument", `${agent.id} is watched already: each message would count twice.`);
      if (instruments === undefined || gauges === undefined) {
        const meter = (provider ?? registered).getMeter(scope, undefined, { schemaUrl: conventions.schemaUrl });
        instruments = createInstruments(meter);
        gauges = createGauges(meter);
      }
      const own = instruments;
      const endGauges = gauges.watch(agent);
      const end = (): void => {
        if (!watched.delete(agent)) return;
        endEvents();
        endGauges();
      };
      const endEvents = agent.telemetry.on((event) => {
        if (isClosed(event)) end();
        else measure(own, labels, agent.id, event);
      });
      watched.add(agent);
      return end;
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
