import { uuidText } from "../../envelope/id.js";
import { type ErrorCode, isTightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Clock } from "../../runtime/runtime.js";
import type { MessageMoment, MessageStage, TelemetryEvent } from "../../telemetry/types.js";
import type { Asked, ToldHeader } from "../taps.js";
import { type Audience, audienceOf, type Listening } from "./audience.js";
import type { SecurityCounts } from "./security.js";
import { traceOf } from "./trace-headers.js";

/** One message, and who is told of it. */
export interface Subject {
  readonly direction: MessageMoment["direction"];
  readonly link: Link;
  readonly header: ToldHeader;
  readonly bytes: number;
  readonly name: string | undefined;
  readonly confirmed: boolean;
  /** With its trace: a span may begin while it is under way. */
  readonly headers: ToldHeader["headers"];
  readonly audience: Audience;
}

export interface Teller {
  /** Monotonic ms. */
  now(): number;
  /** `of`: what is answered. */
  audience(header: ToldHeader, of: Asked | undefined): Audience;
  subject(direction: Subject["direction"], link: Link, header: ToldHeader, bytes: number, of: Asked | undefined, confirmed: boolean): Subject;
  message(subject: Subject, what: MessageStage, since: number | undefined, code?: ErrorCode, attempt?: number): void;
  /** All of it is in the frame that is being filled. */
  sealed(message: { sent(): void }): void;
  /** A peer's call was not permitted. */
  refused(link: Link, code: ErrorCode): void;
}

interface TellerOptions {
  readonly clock: Clock;
  readonly listeners: ReadonlySet<Listening>;
  readonly emit: (event: TelemetryEvent) => void;
  readonly security: SecurityCounts;
  readonly filled: { sent(): void }[];
}

type Changing<T> = { -readonly [name in keyof T]: T[name] };

/** Of these everybody hears. */
const always: ReadonlySet<MessageStage> = new Set(["failed", "expired", "dead_lettered"]);

export function createTeller({ clock, listeners, emit, security, filled }: TellerOptions): Teller {
  const audience: Teller["audience"] = ({ id, correlationId, headers }, of) =>
    audienceOf(listeners, correlationId ?? (typeof id === "string" ? id : uuidText(id, 0)), traceOf((of ?? { headers }).headers));

  return {
    now: () => clock.monotonic(),
    audience,
    subject(direction, link, header, bytes, of, confirmed) {
      // The bytes of an id are another's from the next one on.
      const kept = typeof header.id === "string" ? header : { ...header, id: uuidText(header.id, 0) };
      return {
        direction,
        link,
        header: kept,
        bytes,
        name: of?.method ?? header.method ?? header.topic,
        confirmed,
        headers: (of ?? header).headers,
        audience: audience(kept, of),
      };
    },
    message({ direction, link: { peer }, header, bytes, name, confirmed, headers, audience }, what, since, code, attempt) {
      const some = audience === undefined || always.has(what) ? undefined : audience;
      if (some?.length === 0) return;
      const { id, type, priority, correlationId, durable } = header;
      const trace = traceOf(headers);
      const to = { id: peer.id, instance: peer.instance };
      const event: Changing<MessageMoment> = { kind: "message", at: clock.wall(), what, direction, id: id as string, type, peer: to, priority, bytes };
      if (correlationId !== undefined) event.correlationId = correlationId;
      if (name !== undefined) event.name = name;
      if (trace !== undefined) event.trace = trace;
      if (durable !== undefined) event.durable = true;
      if (confirmed) event.confirmed = true;
      if (since !== undefined) event.duration = clock.monotonic() - since;
      if (code !== undefined) event.code = code;
      if (attempt !== undefined && attempt > 0) event.attempt = attempt;
      if (some === undefined) return emit(event);
      for (const one of some) if (listeners.has(one)) one.emit(event);
    },
    sealed: (message) => void filled.push(message),
    refused: ({ peer }, code) => security.count("refused", code, { id: peer.id, instance: peer.instance }),
  };
}

/** Handlers fail with anything. */
export const codeOf = (error: unknown): ErrorCode => (isTightbeamError(error) ? error.code : "handler_failed");
