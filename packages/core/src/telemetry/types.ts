import type { ErrorCode } from "../errors.js";
import type { TraceContext } from "./trace-context.js";

/** An instance of an agent. */
export interface TelemetryPeer {
  readonly id: string;
  readonly instance: string;
}

/**
 * What an agent does, as plain data: no payload, header, token or key is in it. `at` is the agent's wall clock, ms since 1970;
 * durations are ms of its monotonic clock, sizes are bytes.
 */
export type TelemetryEvent = AgentMoment | PeerMoment | LinkMoment | SessionMoment | MessageMoment | BreakerMoment | RetryMoment | SecurityMoment;

interface Moment {
  readonly at: number;
}

/** The agent's own life. */
export interface AgentMoment extends Moment {
  readonly kind: "agent";
  readonly what: "opened" | "transport_up" | "transport_down" | "closed";
}

/** Another agent's instance, as `onPeer` tells it. */
export interface PeerMoment extends Moment {
  readonly kind: "peer";
  readonly what: "up" | "changed" | "gone";
  readonly peer: TelemetryPeer;
}

export interface LinkMoment extends Moment {
  readonly kind: "link";
  readonly what: "up" | "suspect" | "down" | "ended";
  readonly peer: TelemetryPeer;
  /** ended: why. */
  readonly code?: ErrorCode;
  /** ended: messages that the peer had not acknowledged. */
  readonly undelivered?: number;
}

/** A handshake gave a link its keys. */
export interface SessionMoment extends Moment {
  readonly kind: "session";
  /** `established`: the link's first. `renewed`: fresh keys from a new handshake. `rekeyed`: the same session went on with the next epoch's keys. */
  readonly what: "established" | "renewed" | "rekeyed";
  readonly peer: TelemetryPeer;
  readonly suite: number;
  readonly generation: number;
  /** Of the keys to send with, and to receive with. */
  readonly epoch: { readonly send: number; readonly receive: number };
}

/**
 * A stage in the life of one message. Sender: queued, sealed, sent, acknowledged; then answered (a request's reply came, a stream came to its
 * end), processed (a durable message, or one with `confirm: "done"`: its handler is done) or failed. Receiver: delivered, then processed, failed,
 * expired or dead_lettered; a durable message fails once for each try. What a stage costs to know is spent only while somebody listens. What
 * agents say on their own account (`tb/...`) is not told.
 */
export type MessageStage = "queued" | "sealed" | "sent" | "acknowledged" | "answered" | "delivered" | "processed" | "failed" | "expired" | "dead_lettered";

export interface MessageMoment extends Moment {
  readonly kind: "message";
  readonly what: MessageStage;
  readonly direction: "sent" | "received";
  /** The envelope's id. */
  readonly id: string;
  /** Of a response or error: the request it answers. */
  readonly correlationId?: string;
  readonly type: "request" | "response" | "notification" | "event" | "stream" | "error";
  /** The method, or the topic of an event; of a reply, that of its request where it is known. */
  readonly name?: string;
  readonly peer: TelemetryPeer;
  readonly priority: "critical" | "high" | "normal" | "low";
  /** The whole envelope, as it was before sealing. */
  readonly bytes: number;
  readonly trace?: TraceContext;
  /** From `acknowledged` on, of the sender: since queued. Of the receiver, from `delivered` on: since then. */
  readonly duration?: number;
  /** failed, expired, dead_lettered: why. */
  readonly code?: ErrorCode;
  /** Of a durable message: which try this is, from 1. */
  readonly attempt?: number;
  readonly durable?: boolean;
  /** Sent, and its receiver says when its handler is done: then processed, failed or dead_lettered follows `acknowledged`. */
  readonly confirmed?: boolean;
}

export interface BreakerMoment extends Moment {
  readonly kind: "breaker";
  readonly what: "closed" | "open" | "half_open";
  readonly peer: string;
  readonly method: string;
}

export interface RetryMoment extends Moment {
  readonly kind: "retry";
  /** `moved`: it goes to another instance. */
  readonly what: "retried" | "refused" | "moved";
  readonly peer: string;
  readonly method: string;
  readonly code?: ErrorCode;
  readonly attempt?: number;
}

/** What an owner should look at. Those that anybody on the network can cause are counted, and told at most once a second each. */
export interface SecurityMoment extends Moment {
  readonly kind: "security";
  /**
   * `refused`: a handshake or a call that is not permitted. `replayed`: a frame that had come before. `forged`: one that does not authenticate.
   * `unknown_key`: a key that the token does not name, or a session that is not there. `downgrade`: somebody tried for a suite this agent does not speak.
   */
  readonly what: "refused" | "replayed" | "forged" | "unknown_key" | "downgrade";
  /** Authenticated only where `instance` is there too. */
  readonly peer?: string;
  readonly instance?: string;
  /** The code or the counter of `status().handshakes.refused`. */
  readonly reason: string;
  /** How many of them since the last of this reason. */
  readonly count: number;
}

/** What a listener does not need, so that it is not made where nobody needs it. */
export interface TelemetryWishes {
  /**
   * Asked once when a message begins on this side; of a reply, with the id and trace of its request. False: its stages are not told, except failed, expired
   * and dead_lettered of anything but a reply. What it throws counts as true.
   */
  readonly messages?: (id: string, trace: TraceContext | undefined) => boolean;
  /**
   * Asked when a message that `messages` lets through has its first stage: who is told of its stages in the listener's place, without an event for each of
   * them. Undefined: the listener is, as it is of all else. What it throws counts as that. Who follows a request follows its reply, and is not asked again.
   */
  readonly follow?: (message: FollowedMessage) => MessageFollower | undefined;
}

/** What all moments of a message say, as `MessageMoment` does. Good for as long as the message is told of; `trace` is what it is when it is read. */
export interface FollowedMessage {
  readonly direction: MessageMoment["direction"];
  readonly id: string;
  readonly correlationId: string | undefined;
  readonly type: MessageMoment["type"];
  readonly name: string | undefined;
  readonly peer: TelemetryPeer;
  readonly priority: MessageMoment["priority"];
  readonly bytes: number;
  readonly trace: TraceContext | undefined;
  readonly durable: boolean;
  readonly confirmed: boolean;
}

/** What else a moment says. */
export interface MessageFollower {
  /** What it throws is dropped. */
  told(message: FollowedMessage, what: MessageStage, at: number, duration: number | undefined, code: ErrorCode | undefined, attempt: number | undefined): void;
}

/** `agent.telemetry`. */
export interface AgentTelemetry {
  /** Told of everything from now on, or of what `wishes` leaves of it. What a listener throws, or rejects with, reaches nobody. Throws `invalid_argument`. Returns a function that ends it. */
  on(listener: (event: TelemetryEvent) => unknown, wishes?: TelemetryWishes): () => void;
  readonly listened: boolean;
}

/** The part of it that is loaded late in a page. */
export interface LateTelemetry extends AgentTelemetry {
  /** Settles when listeners are told: in a page the part that tells them is loaded with the first of them; on Node it is there. Rejects `unavailable`. */
  ready(): Promise<void>;
}
