import type { Topic, TopicEvent } from "../../contract/index.js";
import type { Headers, Priority } from "../../envelope/types.js";
import type { TightbeamError } from "../../errors.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import type { OperationOptions } from "../asking/operation.js";

/** What becomes of an event for a subscriber whose queue is full and whose patience is over. */
export type SlowPolicy = "drop-oldest" | "drop-newest" | "disconnect";

/** What a publisher decides about one of its topics. */
export interface PublishesOptions {
  /** How many of the last events are kept for subscribers that ask for a `replay`: 0 to 1,024 of them and 4 MiB. Default 0. */
  readonly retain?: number | undefined;
  /** The queue of one subscriber is full for this topic at so many events (default 1,024) or bytes (default 1 MiB) of any topic. */
  readonly queue?: { readonly events?: number | undefined; readonly bytes?: number | undefined } | undefined;
  /** ms that `publish` waits for a subscriber whose queue is full and makes no progress. Default 1,000. */
  readonly patience?: number | undefined;
  /** What happens then, until its queue is half empty. `disconnect` ends its subscriptions and tells it. Default `drop-oldest`. */
  readonly slow?: SlowPolicy | undefined;
}

/** The event may be left out where the topic says nothing of it. */
export type PublishArguments<T extends Topic | string> =
  undefined extends TopicEvent<T> ? [event?: TopicEvent<T>, options?: OperationOptions] : [event: TopicEvent<T>, options?: OperationOptions];

/** What a subscriber's handler is told beside the event. */
export interface EventContext {
  readonly topic: string;
  /** Who published it: authenticated. */
  readonly peer: { readonly id: string; readonly instance: string; readonly issuer: string; readonly permissions: readonly string[] };
  /** UUIDv7: ascending for each publisher. */
  readonly id: string;
  /** Publisher's wall clock, ms. */
  readonly timestamp: number;
  readonly headers: Headers;
  readonly priority: Priority;
  readonly idempotencyKey: string | undefined;
  /** Where this handler stands in a trace: in its own span where the agent has a tracer, else where the publisher said. Not authenticated. */
  readonly trace: TraceContext | undefined;
  /** Fires when the subscription ends, or the agent closes. */
  readonly signal: AbortSignal;
  /** It was published before this subscription was answered: it comes of `replay`. */
  readonly replayed: boolean;
}

export type EventHandler = (event: unknown, context: EventContext) => unknown;

export interface SubscribeOptions<Event = unknown> {
  /** Runs here, before the handler: only events for which it returns true reach it. */
  readonly filter?: ((event: Event, context: EventContext) => boolean) | undefined;
  /** So many of a publisher's last events, if it keeps any (`retain`), before the new ones: 1 to 1,024. */
  readonly replay?: number | undefined;
  /** Resolve when so many publishers have answered. Default 0: when those there are have been asked. */
  readonly ready?: number | undefined;
  /** ms for `ready`. Default 30,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Only these agents' events: they are dialled at once, and again when they go. At most 64. Default: every publisher. */
  readonly from?: readonly string[] | undefined;
  /** How many bytes of events one publisher may send ahead of this agent's handlers. Default 1 MiB. The largest of all subscriptions counts. */
  readonly queue?: number | undefined;
}

/** One call of `subscribe`. It ends with `unsubscribe` or with the agent. */
export interface Subscription {
  readonly pattern: string;
  /** Instances whose events arrive: each delivers everything it publishes since it answered. */
  readonly publishers: readonly { readonly id: string; readonly instance: string }[];
  /** Events the handler got; and what it never got: not fit for the schema, too old, or no memory to hold it. */
  readonly counters: { readonly received: number; readonly refused: number };
  /** Resolves when `n` publishers have answered. Rejects with `timeout`, `cancelled`, `closed`, or `forbidden` when those of `from` refuse. */
  ready(n?: number, options?: { readonly timeout?: number | undefined; readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** From the call on the handler is not called any more. Resolves when the publishers know. Idempotent. */
  unsubscribe(): Promise<void>;
}

/** A topic this agent publishes: those declared with `publishes`, and the last 1,024 others. */
export interface TopicStatus {
  readonly topic: string;
  readonly subscribers: number;
  readonly published: number;
  readonly retained: number;
}

/** One instance that gets a topic's events from this agent. The numbers are of all topics it gets. */
export interface SubscriberStatus {
  readonly id: string;
  readonly instance: string;
  readonly patterns: readonly string[];
  /** Events that wait here, and their bytes. */
  readonly queued: number;
  readonly queuedBytes: number;
  /** Given to the link. */
  readonly sent: number;
  /** Never sent: it was too slow, or they were too large for it. */
  readonly dropped: number;
  readonly slow: boolean;
}

export type TopicEventReport =
  /** A publisher answered: what it publishes from here on arrives. */
  | { readonly type: "subscribed"; readonly pattern: string; readonly peer: string; readonly instance: string }
  /** A publisher refused, or ended it: for being slow, or with its link. */
  | { readonly type: "unsubscribed"; readonly pattern: string; readonly peer: string; readonly instance: string; readonly error: TightbeamError }
  /** A peer subscribed to what this agent publishes, or did so no longer. */
  | { readonly type: "subscriber"; readonly pattern: string; readonly peer: string; readonly instance: string; readonly gone: boolean }
  /** A subscriber became slow, or is so no longer. */
  | {
      readonly type: "subscriber_slow";
      readonly topic: string;
      readonly peer: string;
      readonly instance: string;
      readonly slow: boolean;
      readonly queued: number;
      readonly dropped: number;
    };
