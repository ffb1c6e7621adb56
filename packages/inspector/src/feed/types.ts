import type { ErrorCode, MessageStage, Priority } from "@tightbeam/core";

/**
 * What the page receives: plain JSON, at most 5 batches a second. The first one of a connection is `whole` and holds all there is; each
 * later one holds what changed: an entry replaces the one of the same `key`. Lists are never long (see protocol.ts), and what did not fit is
 * counted. No payload, header, token or key is in it. `at` is wall ms of the agent it is about; durations are ms, sizes bytes.
 */
export interface FeedBatch {
  /** Rises by one with each batch of a connection. */
  readonly sequence: number;
  readonly at: number;
  /** True: forget what was before. */
  readonly whole: boolean;
  /** Only of a whole one. */
  readonly about?: FeedAbout;
  readonly agents: readonly AgentView[];
  readonly links: readonly LinkView[];
  /** Keys of agents and links that are there no more. */
  readonly gone: readonly string[];
  readonly messages: readonly MessageView[];
  /** Messages that moved since the last batch and are not among `messages`: there were too many. Counts and rates have them all. */
  readonly dropped: number;
  /** One point each second for each watched agent, and one for all together (`agent: ""`). */
  readonly points: readonly RatePoint[];
  readonly breakers: readonly BreakerView[];
  readonly security: readonly SecurityView[];
  readonly events: readonly EventView[];
}

/** What this inspector is and allows. */
export interface FeedAbout {
  /** Of what is said here: 1. */
  readonly version: number;
  /** False: replay and discard are refused. */
  readonly actions: boolean;
  /** Whether anybody's payloads can be revealed; `AgentView.reveals` says whose. */
  readonly reveal: boolean;
  /** True: there is a trace store. Without one a trace is put together from the messages that are still in memory. */
  readonly traces: boolean;
  /** Upper bounds in ms of `RatePoint.latency.buckets`, which has one more: what took longer. */
  readonly latencyBounds: readonly number[];
}

/** An instance of an agent. */
export interface AgentView {
  /** `<id>/<instance>`. */
  readonly key: string;
  readonly id: string;
  readonly instance: string;
  /** local: in this process. remote: seen over Tightbeam. none: only known as a peer of others; the rest is then undefined. */
  readonly watched: "local" | "remote" | "none";
  /** Of its transport. unreachable: a remote agent that is not heard at the moment. */
  readonly state: "up" | "down" | "closed" | "unreachable" | "unknown";
  /** What carries its frames: "memory", "websocket", "nats"; undefined where the transport does not say. */
  readonly transport?: string;
  readonly ready?: boolean;
  readonly calls?: { readonly waiting: number; readonly running: number; readonly queued: number; readonly late: number };
  readonly streams?: { readonly opened: number; readonly served: number };
  readonly memory?: { readonly used: number; readonly most: number };
  /** Undefined: it keeps none. `changes` rises when letters came or went: list them again. */
  readonly deadLetters?: { readonly count: number; readonly bytes: number; readonly changes: number };
  /** Durable messages that wait for their peers. */
  readonly durable?: { readonly count: number; readonly bytes: number };
  /** Whether its owner reveals payloads here. */
  readonly reveals?: boolean;
  /** Whether replay and discard are possible here. */
  readonly actions?: boolean;
}

/** A link as one of its ends sees it. Where both ends are watched there are two of the same `edge`. */
export interface LinkView {
  readonly key: string;
  /** The same for both ends. */
  readonly edge: string;
  /** Keys of agents: whose view it is, and its peer. */
  readonly from: string;
  readonly to: string;
  readonly state: "up" | "suspect" | "down" | "ended";
  readonly transport?: string;
  /** As on the wire; undefined between sessions. */
  readonly suite?: { readonly id: number; readonly name: string };
  /** SHA-256 thumbprint of the peer's signing key (RFC 7638, base64url), and who vouched for it. */
  readonly thumbprint: string;
  readonly issuer: string;
  /** Which handshake its keys are from, and how often they were renewed since. */
  readonly generation: number;
  readonly epoch?: { readonly send: number; readonly receive: number };
  /** Smoothed. */
  readonly roundTrip: number;
  /** Requests and streams that wait for the peer. */
  readonly awaited: number;
  /** Messages that wait to be sent. */
  readonly queue: Readonly<Record<Priority, number>>;
  /** Sent and not acknowledged, and how many bytes of that there may be: the congestion window. */
  readonly inFlight: { readonly messages: number; readonly bytes: number; readonly limit: number };
  /** What the peer still takes. */
  readonly credit: { readonly messages: number; readonly bytes: number };
}

export interface MessageView {
  readonly key: string;
  /** The envelope's id. */
  readonly id: string;
  /** Keys of agents. */
  readonly from: string;
  readonly to: string;
  readonly type: "request" | "response" | "notification" | "event" | "stream" | "error";
  /** The method or topic, where it is known. */
  readonly name?: string;
  /** Of a reply, or a stream's part: the id of the message that it belongs to. */
  readonly correlationId?: string;
  readonly priority: Priority;
  readonly bytes: number;
  readonly traceId?: string;
  readonly durable?: boolean;
  readonly attempt?: number;
  /** When it was first seen. */
  readonly at: number;
  /** In the order in which they happened, by the clock of whoever saw them; at most 16. */
  readonly stages: readonly MessageStageView[];
  /** Of a request: from queued to answered. */
  readonly answered?: number;
  /** What the handler took. */
  readonly handled?: number;
  /** Why it failed, expired or became a dead letter. */
  readonly code?: ErrorCode;
}

export interface MessageStageView {
  readonly what: MessageStage;
  readonly at: number;
  readonly by: "sender" | "receiver";
}

/** One second of one agent. */
export interface RatePoint {
  /** Its key; "" for all that are watched. */
  readonly agent: string;
  /** The end of the time it is about, by the clock of the feed. */
  readonly at: number;
  /** How long that was: near 1,000. */
  readonly span: number;
  readonly sent: number;
  readonly received: number;
  readonly failed: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Of requests, from queued to answered; undefined when none was answered. */
  readonly latency?: {
    readonly count: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
    readonly buckets: readonly number[];
  };
  /** Messages that wait, over all links. */
  readonly queue: Readonly<Record<Priority, number>>;
  readonly inFlightBytes: number;
}

export interface BreakerView {
  readonly key: string;
  /** Key of the agent that has it. */
  readonly agent: string;
  /** Id of the agent it is about. */
  readonly peer: string;
  readonly method: string;
  readonly state: "closed" | "open" | "half_open";
  readonly at: number;
}

export interface SecurityView {
  /** Rises; unique in one feed. */
  readonly key: number;
  readonly at: number;
  readonly agent: string;
  readonly what: "refused" | "replayed" | "forged" | "unknown_key" | "downgrade";
  /** An id that nobody has proved, unless `proved`. */
  readonly peer?: string;
  readonly proved: boolean;
  readonly reason: string;
  readonly count: number;
}

/** Everything else that happened: agents, peers, links, sessions, retries. */
export interface EventView {
  readonly key: number;
  readonly at: number;
  readonly agent: string;
  readonly kind: "agent" | "peer" | "link" | "session" | "retry" | "breaker";
  /** As `TelemetryEvent.what` of this kind. */
  readonly what: string;
  /** Key of an agent, or its id where no instance is known. */
  readonly peer?: string;
  readonly method?: string;
  readonly code?: string;
  readonly detail?: string;
}
