import type { AwaitUsing } from "../../disposable.js";
import type { ErrorCode } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { StoreKey } from "../../store/sealed.js";
import type { DamagedEntry, Store } from "../../store/types.js";
import type { AgentTelemetry, MessageStage } from "../../telemetry/types.js";

/** What an agent does with messages, as the calls they make up: `await createTraceStore()`. Times are ms since 1970, durations ms. */
export interface TraceStore extends AwaitUsing {
  /** Follows an agent's messages from now on, until it has closed. Agents watched in one store join: a call that both sides see is one. Returns a function that ends it. */
  watch(agent: TracedAgent): () => void;
  get(traceId: string): Promise<Trace | undefined>;
  /** The trace that a message belongs to. A reply has the id of its request. */
  byMessage(id: string): Promise<Trace | undefined>;
  /** The newest first. Rejects `invalid_argument`. */
  list(query?: TraceQuery): Promise<readonly TraceSummary[]>;
  /** Of the calls that match. Rejects `invalid_argument`. */
  statistics(filter?: TraceFilter): Promise<TraceStatistics>;
  /** Removes calls: those that are too old, or those that match. Settles with how many, when it is flushed. Rejects `invalid_argument`. */
  clean(filter?: TraceFilter): Promise<number>;
  status(): TraceStoreStatus;
  /** Ends all watches, writes what waits and closes the store it was given. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** An `Agent`. */
export interface TracedAgent {
  readonly id: string;
  readonly telemetry: AgentTelemetry;
}

export interface TraceStoreOptions {
  /** A store of its own. Default: in memory. */
  readonly store?: Store | undefined;
  /** Needed for a store that persists. */
  readonly storeKey?: StoreKey | undefined;
  readonly retention?: {
    /** Calls: 1 to 100,000, about 2 KiB of memory each. Default 10,000. */
    readonly count?: number | undefined;
    /** ms since their last stage. Default 24 hours. */
    readonly age?: number | undefined;
  };
  /** `stages`: every step of a call with its time. `calls`: only what came of it. Default `stages`. */
  readonly detail?: "stages" | "calls" | undefined;
  /**
   * The share of traces that are kept, 0 to 1, of those that the agents' tracers sample, or of all messages where there is no tracer. The same share as
   * a tracer's keeps the same traces. What fails is kept in any case. Default 1.
   */
  readonly sample?: number | undefined;
  /**
   * What is kept of a call that nobody samples and that fails. `outcome`: who, what, when, how long, and why. `whole`: its stages too, as far as they are
   * among the last 1,024 of its agent; that takes a note of every message. Default `outcome`.
   */
  readonly failures?: "outcome" | "whole" | undefined;
  readonly runtime?: Runtime | undefined;
  /** Told once of each entry of the store that does not open; it is left out. What it throws is ignored. */
  readonly onDamaged?: ((entry: DamagedEntry) => void) | undefined;
}

export interface Trace {
  readonly traceId: string;
  /** `active` while one of its calls is, else `failed` when one did, else `completed`. */
  readonly status: "active" | "completed" | "failed";
  readonly startedAt: number;
  readonly lastAt: number;
  /** In the order in which they began, at most 1,000. */
  readonly calls: readonly TraceCall[];
  /** Calls that were left out because the trace has too many. */
  readonly more: number;
}

/** `failed` includes calls that expired or became dead letters. */
export type TraceSummary = Omit<Trace, "calls"> & {
  readonly calls: number;
  readonly failed: number;
  /** The call that began first. */
  readonly first: Omit<TraceCall, "stages">;
};

/** `interrupted`: what was under way when its agent was last watched. */
export type CallStatus = "active" | "completed" | "failed" | "expired" | "dead_lettered" | "interrupted";

/** A message, and the reply it had. */
export interface TraceCall {
  /** The message's. */
  readonly id: string;
  readonly traceId: string;
  /** The sender's span, and the one above it, where they are known. */
  readonly spanId?: string;
  readonly parentSpanId?: string;
  /** The receiver's span, or the sender's where the receiver has no tracer. */
  readonly handlerSpanId?: string;
  /** The id of the call whose handler sent it, where it is in the same trace. */
  readonly parent?: string;
  readonly type: "request" | "notification" | "stream" | "event";
  readonly from: TraceParty;
  readonly to: TraceParty;
  readonly method?: string;
  readonly priority: "critical" | "high" | "normal" | "low";
  readonly durable: boolean;
  /** Of the envelope, and of the reply's. */
  readonly bytes: number;
  readonly replyBytes?: number;
  readonly status: CallStatus;
  readonly code?: ErrorCode;
  /** Tries, of a durable message. */
  readonly attempt?: number;
  /** False: it is kept because it failed. */
  readonly sampled: boolean;
  readonly startedAt: number;
  /** Its last stage so far. */
  readonly lastAt: number;
  /** As the side says that knows how it ended: the sender of what is answered, the receiver of anything else, where that one is watched. */
  readonly duration?: number;
  /** What the receiver's clock is ahead of the sender's, as far as the stages of both sides show it; stages are ordered without it, their times are as they came. */
  readonly clockDifference?: number;
  readonly stages: readonly TraceStage[];
  /** Stages that were left out because there are too many. */
  readonly moreStages: number;
}

export interface TraceParty {
  readonly id: string;
  readonly instance?: string;
}

export interface TraceStage {
  readonly stage: MessageStage;
  /** Who saw it: the sender of the call, or its receiver. */
  readonly side: "from" | "to";
  readonly of: "call" | "reply";
  /** The wall clock of that side. */
  readonly at: number;
  readonly duration?: number;
  readonly code?: ErrorCode;
  readonly attempt?: number;
}

/** Every given field must match. */
export interface TraceFilter {
  readonly traceId?: string | undefined;
  /** As sender or receiver. */
  readonly agent?: string | undefined;
  readonly route?: { readonly from?: string; readonly to?: string; readonly method?: string } | undefined;
  /** True: failed, expired, dead_lettered; false: all others. */
  readonly failed?: boolean | undefined;
  readonly status?: CallStatus | undefined;
  /** Begun at this time or later. */
  readonly since?: number | undefined;
  /** Begun before. */
  readonly until?: number | undefined;
}

export interface TraceQuery extends TraceFilter {
  /** Traces with a call that matches. Default 100, at most 1,000. */
  readonly limit?: number | undefined;
}

export interface TraceStatistics {
  readonly total: number;
  readonly active: number;
  readonly failed: number;
  /** Of all calls that say how long they took. */
  readonly durations: Durations;
  /** Only those statuses that occur. */
  readonly byStatus: Readonly<Partial<Record<CallStatus, { readonly count: number } & Durations>>>;
}

/** Undefined where there is none. Percentiles are by nearest rank: one of the durations. */
export interface Durations {
  readonly mean: number | undefined;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

export interface TraceStoreStatus {
  readonly calls: number;
  readonly traces: number;
  /** Calls that wait to be written, those that could not be, and calls that went for want of room or with age. */
  readonly waiting: number;
  readonly notWritten: number;
  readonly dropped: number;
  /** Entries of the store that did not open. */
  readonly damaged: number;
}
