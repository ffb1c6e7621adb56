import { uuidText } from "../../envelope/id.js";
import type { Headers } from "../../envelope/types.js";
import { type ErrorCode, isTightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Clock } from "../../runtime/runtime.js";
import { isFailure } from "../../telemetry/failure.js";
import type { FollowedMessage, MessageFollower, MessageMoment, MessageStage, TelemetryPeer } from "../../telemetry/types.js";
import type { Asked, ToldHeader } from "../taps.js";
import { type Audience, audienceOf, type Listeners } from "./audience.js";
import type { FilledMessages } from "./link-tap.js";
import type { SecurityCounts } from "./security.js";
import { Subject } from "./subject.js";
import { traceOf } from "./trace-headers.js";

export interface Teller {
  /** Monotonic ms. */
  now(): number;
  /** `of`: what is answered. */
  audience(header: Pick<ToldHeader, "id" | "correlationId" | "headers">, of: { readonly headers?: Headers | undefined } | undefined): Audience;
  subject(
    direction: Subject["direction"],
    link: Link,
    header: ToldHeader,
    bytes: number,
    of: Asked | undefined,
    confirmed: boolean,
    audience: Audience,
    request?: Subject,
  ): Subject;
  /** Who is told of a request is told of its reply: undefined where others have begun or ended to listen since. */
  same(request: Subject): Subject | undefined;
  message(subject: Subject, what: MessageStage, since: number | undefined, code?: ErrorCode, attempt?: number): void;
  /** All of it is in the frame that is being filled. */
  sealed(message: { sent(): void }): void;
  /** A peer's call was not permitted. */
  refused(link: Link, code: ErrorCode): void;
}

interface TellerOptions {
  readonly clock: Clock;
  readonly listeners: Listeners;
  readonly security: SecurityCounts;
  readonly filled: FilledMessages;
}

type Changing<T> = { -readonly [name in keyof T]: T[name] };

export function createTeller({ clock, listeners, security, filled }: TellerOptions): Teller {
  /** One for all that is told of a link. */
  const peers = new WeakMap<Link, TelemetryPeer>();
  const peerOf = (link: Link): TelemetryPeer => {
    const known = peers.get(link);
    if (known !== undefined) return known;
    const peer = Object.freeze({ id: link.peer.id, instance: link.peer.instance });
    peers.set(link, peer);
    return peer;
  };

  const tellAll: Teller["message"] = (subject, what, since, code, attempt) => {
    const mustBeTold = isFailure(what);
    if (subject.isUnwanted && !mustBeTold) return;
    const at = clock.wall();
    const duration = since === undefined ? undefined : clock.monotonic() - since;
    const times = attempt !== undefined && attempt > 0 ? attempt : undefined;
    let event: MessageMoment | undefined;
    for (const one of listeners.all) {
      if (one.over) continue;
      const isWanted = subject.wantedBy(one);
      if (!isWanted && !mustBeTold) continue;
      const follower = isWanted ? subject.followerFor(one) : undefined;
      if (follower !== undefined) tell(follower, subject, what, at, duration, code, times);
      else {
        event ??= momentOf(subject, what, at, duration, code, times);
        one.emit(event);
      }
    }
  };

  return {
    now: () => clock.monotonic(),
    audience: ({ id, correlationId, headers }, of) =>
      audienceOf(listeners, correlationId ?? (typeof id === "string" ? id : uuidText(id, 0)), traceOf(of === undefined ? headers : of.headers)),
    same: (request) => (request.isAmong(listeners.all) ? request : undefined),
    subject(direction, link, header, bytes, of, confirmed, audience, request) {
      // The bytes of an id are another's from the next one on.
      const id = typeof header.id === "string" ? header.id : uuidText(header.id, 0);
      return new Subject(direction, peerOf(link), header, id, bytes, of, confirmed, audience, listeners.all, request);
    },
    message(subject, what, since, code, attempt) {
      const follower = subject.followerAlone(listeners.all);
      if (follower === undefined) return tellAll(subject, what, since, code, attempt);
      const duration = since === undefined ? undefined : clock.monotonic() - since;
      tell(follower, subject, what, clock.wall(), duration, code, attempt !== undefined && attempt > 0 ? attempt : undefined);
    },
    sealed(message) {
      if (filled.messages === undefined) filled.messages = [message];
      else filled.messages.push(message);
    },
    refused: ({ peer }, code) => security.count("refused", code, { id: peer.id, instance: peer.instance }),
  };
}

/** Each argument by itself: a rest of them would be an array for every stage. */
const tell = (
  follower: MessageFollower,
  message: FollowedMessage,
  what: MessageStage,
  at: number,
  duration: number | undefined,
  code: ErrorCode | undefined,
  attempt: number | undefined,
): void => {
  try {
    follower.told(message, what, at, duration, code, attempt);
  } catch {
    // It only watches: its failure must not change what it watches.
  }
};

function momentOf(
  { direction, id, correlationId, type, name, peer, priority, bytes, trace, durable, confirmed }: FollowedMessage,
  what: MessageStage,
  at: number,
  duration: number | undefined,
  code: ErrorCode | undefined,
  attempt: number | undefined,
): MessageMoment {
  const event: Changing<MessageMoment> = { kind: "message", at, what, direction, id, type, peer, priority, bytes };
  if (correlationId !== undefined) event.correlationId = correlationId;
  if (name !== undefined) event.name = name;
  if (trace !== undefined) event.trace = trace;
  if (durable) event.durable = true;
  if (confirmed) event.confirmed = true;
  if (duration !== undefined) event.duration = duration;
  if (code !== undefined) event.code = code;
  if (attempt !== undefined) event.attempt = attempt;
  return event;
}

/** Handlers fail with anything. */
export const codeOf = (error: unknown): ErrorCode => (isTightbeamError(error) ? error.code : "handler_failed");
