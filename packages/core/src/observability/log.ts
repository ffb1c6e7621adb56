import { TightbeamError } from "../errors.js";
import type { AgentTelemetry, TelemetryEvent } from "../telemetry/types.js";
import { checkGiven, oneOf, type Rules } from "./rules.js";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** What takes the lines: pino's loggers do. The text is one of a fixed few; all that was said by others stands in the object. */
export type Logger = Readonly<Record<LogLevel, (object: Readonly<Record<string, unknown>>, message: string) => unknown>>;

export interface LogOptions {
  /** From which level on. Default `"info"`. Below it nothing is made: with `"debug"` every stage of every message is. */
  readonly level?: LogLevel | undefined;
  /** How many lines of one event with one code there are in a second, at most; the next one after them says in `suppressed` how many there were more. Default 10. */
  readonly perSecond?: number | undefined;
}

type Table = { readonly [K in TelemetryEvent["kind"]]: Readonly<Record<Extract<TelemetryEvent, { kind: K }>["what"], LogLevel>> };

/** The type of this table keeps it whole. docs/logging.md shows it. */
export const logLevels: Table = {
  agent: { opened: "info", transport_up: "info", transport_down: "warn", closed: "info" },
  peer: { up: "info", changed: "debug", gone: "info" },
  link: { up: "info", suspect: "warn", down: "warn", ended: "info" },
  session: { established: "debug", renewed: "debug", rekeyed: "debug" },
  message: {
    queued: "debug",
    sealed: "debug",
    sent: "debug",
    acknowledged: "debug",
    answered: "debug",
    delivered: "debug",
    processed: "debug",
    failed: "warn",
    expired: "warn",
    dead_lettered: "error",
  },
  breaker: { closed: "info", open: "warn", half_open: "info" },
  retry: { retried: "info", refused: "warn", moved: "info" },
  security: { refused: "warn", replayed: "warn", forged: "warn", unknown_key: "warn", downgrade: "warn" },
};

const rules: Rules<LogOptions> = {
  level: oneOf("debug", "info", "warn", "error"),
  perSecond: [(value) => typeof value === "number" && value >= 1, "a number, at least 1"],
};

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Writes what an agent tells of itself to a logger. No payload, header, token or key is in it. What the logger throws, or rejects with, is
 * dropped. Returns a function that ends it. Throws `invalid_argument`.
 */
export function logTo(agent: { readonly id: string; readonly telemetry: AgentTelemetry }, logger: Logger, options: LogOptions = {}): () => void {
  checkGiven("logTo", options, rules);
  const { level = "info", perSecond = 10 } = options;
  for (const name of Object.keys(ranks))
    if (typeof (logger as Partial<Logger> | null)?.[name as LogLevel] !== "function")
      throw new TightbeamError("invalid_argument", "A logger has debug, info, warn and error, each a function of an object and a text: pino's do.");
  const windows = new Map<string, Window>();

  return agent.telemetry.on(
    (event) => {
      const own = levelOf(event);
      if (ranks[own] < ranks[level]) return;
      const suppressed = admit(windows, event, perSecond);
      if (suppressed === undefined) return;
      const line = { agent: agent.id, ...fieldsOf(event), ...(suppressed === 0 ? {} : { suppressed }) };
      try {
        const result = logger[own](line, `${event.kind} ${event.what}`);
        if (result instanceof Promise) result.catch(() => undefined);
      } catch {
        // A logger only watches: its failure must not change what it watches.
      }
    },
    level === "debug" ? undefined : { messages: () => false },
  );
}

function levelOf(event: TelemetryEvent): LogLevel {
  if (event.kind === "link" && event.what === "ended" && ((event.undelivered ?? 0) > 0 || (event.code ?? "closed") !== "closed")) return "warn";
  return (logLevels[event.kind] as Readonly<Record<string, LogLevel>>)[event.what] ?? "debug";
}

/** The event's own fields, flat. */
function fieldsOf(event: TelemetryEvent): Record<string, unknown> {
  const { kind, what, at: _, ...rest } = event;
  const fields: Record<string, unknown> = { event: `${kind}.${what}`, ...rest };
  if ("peer" in event && typeof event.peer === "object") {
    fields.peer = event.peer.id;
    fields.instance = event.peer.instance;
  }
  if (event.kind === "message" && event.trace !== undefined) {
    delete fields.trace;
    fields.traceId = event.trace.traceId;
    fields.spanId = event.trace.spanId;
  }
  return fields;
}

interface Window {
  begun: number;
  lines: number;
  suppressed: number;
}

/** How many lines of its sort were left out before this one; undefined: this one is, too. Sorts are as many as there are events and codes. */
function admit(windows: Map<string, Window>, event: TelemetryEvent, perSecond: number): number | undefined {
  const sort = `${event.kind} ${event.what} ${"code" in event ? event.code : ""}`;
  let window = windows.get(sort);
  if (window === undefined) {
    window = { begun: event.at, lines: 0, suppressed: 0 };
    windows.set(sort, window);
  }
  if (event.at - window.begun >= 1_000 || event.at < window.begun) {
    window.begun = event.at;
    window.lines = 0;
  }
  if (window.lines >= perSecond) {
    window.suppressed++;
    return undefined;
  }
  window.lines++;
  const { suppressed } = window;
  window.suppressed = 0;
  return suppressed;
}
