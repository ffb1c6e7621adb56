import { type ErrorCode, isTightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Clock } from "../../runtime/runtime.js";
import type { MessageMoment, MessageStage, TelemetryEvent } from "../../telemetry/types.js";
import type { SecurityCounts } from "./security.js";

/** What all moments of one message have in common. */
export type About = Omit<MessageMoment, "at" | "what" | "duration" | "code" | "attempt">;

type Facts = { readonly [name in Exclude<keyof About, "kind" | "direction" | "peer">]-?: About[name] | undefined } & Pick<
  About,
  "id" | "type" | "priority" | "bytes"
>;

export interface Teller {
  /** Monotonic ms. */
  now(): number;
  about(direction: About["direction"], link: Link, facts: Facts): About;
  message(about: About, what: MessageStage, duration: number | undefined, code: ErrorCode | undefined, attempt?: number): void;
  /** All of it is in the frame that is being filled. */
  sealed(message: { sent(): void }): void;
  /** A peer's call was not permitted. */
  refused(link: Link, code: ErrorCode): void;
}

type Changing<T> = { -readonly [name in keyof T]: T[name] };

export function createTeller(clock: Clock, emit: (event: TelemetryEvent) => void, security: SecurityCounts, filled: { sent(): void }[]): Teller {
  return {
    now: () => clock.monotonic(),
    about(direction, { peer }, { id, correlationId, type, name, priority, bytes, trace, durable }) {
      const about: Changing<About> = { kind: "message", direction, id, type, peer: { id: peer.id, instance: peer.instance }, priority, bytes };
      if (correlationId !== undefined) about.correlationId = correlationId;
      if (name !== undefined) about.name = name;
      if (trace !== undefined) about.trace = trace;
      if (durable === true) about.durable = true;
      return about;
    },
    message(about, what, duration, code, attempt) {
      const event: Changing<MessageMoment> = { ...about, at: clock.wall(), what };
      if (duration !== undefined) event.duration = duration;
      if (code !== undefined) event.code = code;
      if (attempt !== undefined && attempt > 0) event.attempt = attempt;
      emit(event);
    },
    sealed: (message) => void filled.push(message),
    refused: ({ peer }, code) => security.count("refused", code, { id: peer.id, instance: peer.instance }),
  };
}

/** Handlers fail with anything. */
export const codeOf = (error: unknown): ErrorCode => (isTightbeamError(error) ? error.code : "handler_failed");
