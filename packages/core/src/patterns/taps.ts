import type { EncodedPayload } from "../codec/types.js";
import type { Method } from "../contract/index.js";
import type { EnvelopeHeader, Headers, OutgoingHeader } from "../envelope/types.js";
import type { TightbeamError } from "../errors.js";
import type { Link, LinkTaps, LinkTarget } from "../link/link-types.js";
import type { Delivery, Outcome, OutgoingMessage, Sent } from "../link/message.js";
import type { Settler } from "../resilience/types.js";
import type { TraceContext } from "../telemetry/trace-context.js";
import type { Span, SpanStart } from "../telemetry/tracer.js";
import type { NotifyOptions, OperationOptions } from "./asking/operation.js";
import type { DeadLetter } from "./dead-letters/types.js";

/** What of an envelope's header its life is told with. */
export type ToldHeader = Pick<OutgoingHeader, "type" | "id" | "priority" | "correlationId" | "method" | "topic" | "headers" | "durable">;

/** Of the request that a reply answers. */
export type Asked = Pick<ToldHeader, "method" | "headers">;

/** A request whose reply is told of, or is not. */
export interface AnsweredRequest {
  readonly headers: Headers | undefined;
  /** Where its reply is waited for. */
  readonly link: Link;
  /** What `send` returned. */
  readonly sent: Sent | undefined;
  /** Made for whoever asks. */
  readonly asked: Asked;
}

/** What is told of a request that nobody wanted to hear of, when it fails. */
export interface UnwatchedRequest {
  readonly link: Link;
  readonly asked: ToldHeader;
  readonly bytes: number;
  /** Monotonic ms. */
  readonly since: number;
}

/** Watches messages while somebody listens. */
export interface MessageTap {
  /** `link.send(message)`, watched where somebody wants to hear of it. `of`, `came`: of a reply, and what `came` gave. Throws what the link throws; then nothing was told. */
  send(link: Link, header: ToldHeader, message: OutgoingMessage, of?: Asked, came?: Delivery): Sent;
  /** `link.offer(message)`, watched. */
  offer(link: Link, header: ToldHeader, message: OutgoingMessage): boolean;
  /** What a request, a stream or a confirmation that was sent with `send` ended with. */
  settled(sent: Sent | undefined, error: unknown): void;
  /** The same of a request, which may not have been watched. */
  answered(sent: Sent | undefined, error: unknown, request: UnwatchedRequest): void;
  /** A message came: what to give its handler instead of its delivery. */
  came(link: Link, delivery: Delivery, header: EnvelopeHeader): Delivery;
  /** A request that came is over, and there is no reply. */
  refused(link: Link, delivery: Delivery, header: EnvelopeHeader, outcome: Outcome, error: unknown): void;
  /** The handlers of what `came`, a stream or an event, are done with it. */
  handled(delivery: Delivery, error: unknown): void;
  /** A reply came. `request`: what it answers, where that is known. */
  reply(link: Link, delivery: Delivery, header: EnvelopeHeader, request: AnsweredRequest | undefined): void;
  /** A message became a dead letter. `instance`: of its sender, for what came here. */
  buried(letter: DeadLetter, instance: string | undefined): void;
  /** A durable message came for the first time in this process. */
  held(link: Link, header: EnvelopeHeader, bytes: number): HeldTap;
}

/** A durable message on its receiver's side. */
export interface HeldTap {
  /** A try failed. Without an error: nothing handles it. */
  failed(error: unknown, attempt: number): void;
  /** It is handled, and marked. */
  processed(attempt: number): void;
}

/** The context of a message on its way, and the end of its span. */
export interface Departure {
  /** The application's with the context's beside them. */
  readonly headers: Headers | undefined;
  end(error?: unknown): void;
}

/** The same of a request: it is over when that settles. */
export interface RequestDeparture extends Departure, Settler<unknown> {
  /** Who is told, in the words of `Placing`. */
  settles(resolve: ((value: unknown) => void) | Settler<unknown>, reject: ((error: TightbeamError) => void) | undefined): void;
}

/** A request that is to go on a link. */
export type Placing = [
  link: Link,
  method: Method,
  payload: EncodedPayload | undefined,
  operation: OperationOptions,
  left: number,
  target: LinkTarget,
  resolve: ((value: unknown) => void) | Settler<unknown>,
  reject: ((error: TightbeamError) => void) | undefined,
];

/** A notification that is to. */
export type Announcing = [link: Link, method: Method, payload: EncodedPayload | undefined, operation: NotifyOptions, left: number, target: LinkTarget];

/** `id`: it is traced already, or not at all. */
export type Place = (...how: [...Placing, id?: string]) => void;
export type Announce = (...how: [...Announcing, id?: string]) => Promise<void>;

/** Of what is handled here. */
export interface HandledSpan {
  readonly span: Span;
  over: boolean;
}

/** A call, a stream, an event with one of its handlers: a field that all of them have, because what only some have makes the others dearer. */
export interface Handled {
  /** From when a tracer gave it one. */
  span?: HandledSpan | undefined;
}

/** Between an agent and its tracer: what that throws ends here. */
export interface Tracing {
  /** What came needs no span: its id says so, and its sender names no trace. */
  leavesOut(header: EnvelopeHeader): boolean;
  /** Where an operation stands that names no trace itself. */
  current(): TraceContext | undefined;
  /** Undefined: without a span. */
  sending(start: Omit<SpanStart, "agent">, operation: Pick<OperationOptions, "trace" | "traces" | "headers">): Departure | undefined;
  /** Undefined for a request without a span. */
  begins(id: string, link: Link, method: Method, payload: EncodedPayload | undefined, operation: OperationOptions): RequestDeparture | undefined;
  /** Places a request, or sends a notification, as part of its trace. */
  request(place: Place, departure: RequestDeparture, id: string, ...how: Placing): void;
  notification(announce: Announce, id: string, ...how: Announcing): Promise<void>;
  /** Runs what handles a call or an event inside its span, until that is `over`. */
  run<T>(handled: Handled, link: Link, header: EnvelopeHeader, bytes: number, attempt: number | undefined, work: () => T): T;
  over(handled: Handled, error: unknown): void;
}

/** Where patterns look whether somebody listens or traces. */
export interface Taps extends LinkTaps {
  messages: MessageTap | undefined;
  tracing: Tracing | undefined;
}

/** Nobody does, yet. */
export const createTaps = (): Taps => ({ link: undefined, messages: undefined, tracing: undefined });
