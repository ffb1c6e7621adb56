import type { ErrorCode, MessageStage, Priority } from "@tightbeam/core";
import type { FeedAnswer, FeedFields } from "../feed/requests.js";
import type { AgentView, BreakerView, EventView, LinkView, MessageView, SecurityView } from "../feed/types.js";

/**
 * One agent that is looked at, in this process or over Tightbeam. What it tells waits in it, bounded, until it is taken: whoever looks decides
 * how often, and nothing runs ahead of a slow reader.
 */
export interface InspectionSource {
  /** `<id>/<instance>`; `<id>/` of an agent elsewhere that has not been reached yet. */
  readonly key: string;
  readonly id: string;
  readonly actions: boolean;
  readonly reveals: boolean;
  /** Which part of the messages is looked at, 0 to 1, chosen by their ids: the same at both ends. 0 while nobody looks. Failures are always told. */
  look(share: number): void;
  /** What changed since it was taken last; at first, everything that is. Undefined: nothing did. */
  take(): SourceUpdate | undefined;
  /** Rejects with a TightbeamError: `denied` for what the agent's owner did not allow, `unsupported` for what is not there. */
  ask<N extends SourceRequestName>(name: N, fields: SourceFields<N>): Promise<FeedAnswer<N>>;
  close(): void;
}

/** What is asked of the one agent that it is about. */
export type SourceRequestName = "letters" | "letter" | "contents" | "payload" | "replay" | "discard";
export type SourceFields<N extends SourceRequestName> = N extends "payload" ? PayloadFields : FeedFields<Exclude<N, "payload">>;

/** A message as one end knows it. */
export interface PayloadFields {
  readonly id: string;
  readonly direction: "sent" | "received";
  /** Id of the agent at the other end. */
  readonly peer: string;
}

export interface SourceUpdate {
  readonly at: number;
  readonly agent?: AgentView;
  /** Those that changed. */
  readonly links: readonly LinkView[];
  /** Keys of the peers whose links are gone. */
  readonly gone: readonly string[];
  readonly messages: readonly SourceMessage[];
  readonly dropped: number;
  /** Once a second. */
  readonly second?: SourceSecond;
  readonly breakers: readonly Omit<BreakerView, "key" | "agent">[];
  readonly security: readonly Omit<SecurityView, "key" | "agent">[];
  readonly events: readonly Omit<EventView, "key" | "agent">[];
}

/** A message as one of its ends saw it. */
export interface SourceMessage {
  readonly id: string;
  readonly direction: "sent" | "received";
  /** Key of the other end. */
  readonly peer: string;
  readonly type: MessageView["type"];
  readonly name?: string;
  readonly correlationId?: string;
  readonly priority: Priority;
  readonly bytes: number;
  readonly trace?: { readonly traceId: string; readonly spanId: string; readonly parentSpanId?: string };
  readonly durable?: boolean;
  readonly attempt?: number;
  readonly stages: readonly { readonly what: MessageStage; readonly at: number }[];
  readonly duration?: number;
  readonly code?: ErrorCode;
}

/** What went through an agent in about a second. Bytes and latencies are estimated from the share that was looked at. */
export interface SourceSecond {
  readonly at: number;
  readonly span: number;
  readonly sent: number;
  readonly received: number;
  readonly failed: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Requests answered, by `latencyBounds`; one more than those. */
  readonly buckets: readonly number[];
  readonly slowest: number;
  readonly queue: Readonly<Record<Priority, number>>;
  readonly inFlightBytes: number;
}
