import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import type { Method } from "../../contract/index.js";
import type { Ids } from "../../envelope/id.js";
import type { EnvelopeHeader, OutgoingHeader } from "../../envelope/types.js";
import type { TightbeamError } from "../../errors.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import type { MessageWatch } from "../../link/message.js";
import type { Settler } from "../../resilience/types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { AnsweredRequest, Taps } from "../taps.js";
import type { Moved } from "./call.js";
import type { NotifyOptions, OperationOptions, RequestOptions } from "./operation.js";

export interface CallerOptions {
  readonly runtime: Runtime;
  readonly ids: Ids;
  readonly taps: Taps;
  readonly json: JsonLimits;
  readonly find: (target: LinkTarget) => Link | undefined;
  /** The same for a request, which may go to any instance. */
  readonly choose: (target: LinkTarget) => Link | undefined;
  readonly connect: (target: LinkTarget, options: { timeout: number; signal?: AbortSignal | undefined }) => Promise<Link>;
  /** Told of every envelope that is sent. */
  readonly observe: ((link: Link, header: OutgoingHeader, payload: EncodedPayload | undefined) => void) | undefined;
  /** Keeps what nobody hears of when its link ends: notifications that their callers were told are on their way. */
  readonly keep?: ((link: Link, header: OutgoingHeader, bytes: Uint8Array) => MessageWatch) | undefined;
  /** A request goes to another instance of its agent. */
  readonly onMoved: (moved: Moved) => void;
}

/** The asking side: requests and notifications on their way out, and the replies that come back. */
export interface Caller {
  request(target: LinkTarget, method: Method, input: unknown, options: OperationOptions): Promise<unknown>;
  notify(target: LinkTarget, method: Method, input: unknown, options: NotifyOptions): Promise<void>;
  /** The input as it travels: validated and encoded, now or when an asynchronous schema has answered. Throws `invalid_input`, `not_serialisable`. */
  encode(method: Method, input: unknown): EncodedPayload | undefined | Promise<EncodedPayload | undefined>;
  /** Attempts under a policy, with options that were checked. */
  requestEncoded(target: LinkTarget, method: Method, payload: EncodedPayload | undefined, options: RequestOptions, settler: Settler<unknown>): void;
  notifyEncoded(target: LinkTarget, method: Method, payload: EncodedPayload | undefined, options: NotifyOptions, settler: Settler<void>): void;
  /** The same on one link, and no other. */
  requestOn(link: Link, method: Method, input: unknown, options: OperationOptions): Promise<unknown>;
  notifyOn(link: Link, method: Method, input: unknown, options: NotifyOptions): Promise<void>;
  /** A response or error arrived on this link. False when nothing waits for it there: late, repeated or forged. */
  answered(link: Link, header: EnvelopeHeader, payload: EncodedPayload | undefined): boolean;
  linkEnded(link: Link, error: TightbeamError): void;
  readonly waiting: number;
  /** Of a request that waits. */
  askedOf(id: string | undefined): AnsweredRequest | undefined;
  /** Answers that nothing waited for. */
  readonly late: number;
  /** Settles when nothing waits any more. */
  idle(): Promise<void>;
}
