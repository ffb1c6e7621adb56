import type { ErrorCode } from "../errors.js";

export type EnvelopeType = "request" | "response" | "notification" | "event" | "stream" | "error";
export type Priority = "critical" | "high" | "normal" | "low";
export type Headers = Readonly<Record<string, string>>;

/** What crosses the wire beside the payload. `from` and `to` never do: the link knows who the peer is. */
export interface EnvelopeHeader {
  readonly type: EnvelopeType;
  /** UUIDv7. */
  readonly id: string;
  /** The id of the request this answers (response, error) or belongs to. */
  readonly correlationId?: string;
  /** Sender's wall clock, ms. */
  readonly timestamp: number;
  readonly priority: Priority;
  /** ms from `timestamp`. */
  readonly ttl?: number;
  readonly idempotencyKey?: string;
  readonly headers?: Headers;
  /** notification. */
  readonly durable?: DurableNumber;
  /** request, notification, stream. */
  readonly method?: string;
  /** event. */
  readonly topic?: string;
  /** error. */
  readonly error?: WireError;
  /** stream. */
  readonly stream?: StreamOpening;
}

/** What opens a stream beside its method and input. */
export interface StreamOpening {
  /** Which of the opener's streams on its link: counted up from 0, each used once. */
  readonly number: number;
  /** Bytes that the handler may say before it hears of more. */
  readonly credit: number;
}

/** Which of the messages that its sender keeps until they are handled. */
export interface DurableNumber {
  /** Counted up from 0 for each receiving agent and lane. */
  readonly number: number;
  /** Every number of this lane below it is settled for good. */
  readonly floor: number;
  /** It was sent before. */
  readonly again: boolean;
}

/** On its way out the id may be its 16 bytes. */
export type OutgoingHeader = Omit<EnvelopeHeader, "id"> & { readonly id: string | Uint8Array };

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly id: string;
  readonly retryAfter?: number;
}

/** What an application sees and can store: the header plus who, and the decoded payload. */
export interface Envelope extends EnvelopeHeader {
  /** Protocol version of the envelope. */
  readonly version: 1;
  readonly from: string;
  readonly to: string;
  /** A JSON value, a Uint8Array, or undefined when there is none. */
  readonly payload?: unknown;
}
