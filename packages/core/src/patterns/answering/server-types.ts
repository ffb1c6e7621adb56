import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import type { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { Admission } from "../admission/admission.js";
import type { AdmissionSlot } from "../admission/slot.js";
import type { KeyedCallsFactory, KeyedCallsOptions } from "../idempotency/idempotency-on-demand.js";
import type { AnswerOptions } from "./answer.js";
import type { Handlers } from "./handlers.js";
import type { MiddlewareChain } from "./middleware.js";
import type { Served } from "./served.js";

export interface ServerOptions extends AnswerOptions {
  readonly json: JsonLimits;
  readonly admission: Admission;
  readonly middleware: MiddlewareChain;
  readonly served: Served;
  /** Those there are so far. */
  readonly handlers?: Handlers;
  /** What calls with an idempotency key are to each other. Undefined: each runs. */
  readonly keyed?: KeyedCallsFactory | undefined;
}

export interface ServingOptions extends Omit<ServerOptions, "admission" | "keyed"> {
  readonly admission: AdmissionSlot;
  readonly idempotency: Omit<KeyedCallsOptions, "runtime">;
}

/** The answering side: handlers by method name, and the calls they are working on. */
export interface Server extends Pick<Handlers, "handle" | "fallback" | "handleOwn" | "handleStream" | "streamOf" | "members"> {
  readonly served: Served;
  /** Durable messages of this method are handled one after the other. */
  isOrdered(name: string): boolean;
  /** A request or notification arrived. */
  serve(link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void;
  /** The caller of this request waits no longer. */
  cancel(link: Link, id: string): void;
  linkEnded(link: Link, error: TightbeamError): void;
  readonly running: number;
  /** Of all that came, what waits for a place. */
  readonly queued: number;
  /** Settles when nothing runs and nothing waits for its turn. */
  idle(): Promise<void>;
  /** Refuses what comes from now on and what waits for its turn, and fires the signals of what runs. */
  stop(error: TightbeamError): void;
  /** Refuses what comes from now on; what was taken may finish. */
  drain(): void;
}
