import type { Headers } from "../../envelope/types.js";
import type { TightbeamError } from "../../errors.js";
import type { Settler } from "../../resilience/types.js";
import type { Span } from "../../telemetry/tracer.js";
import type { Departure } from "../taps.js";
import { contextOf } from "./standing.js";
import { standsAt, withTrace } from "./trace-headers.js";

/** The span of what is sent, from its sending to its end. What of a context cannot travel stays here. */
export class Departing implements Departure, Settler<unknown> {
  readonly headers: Headers | undefined;
  readonly #span: Span;
  #over = false;
  #resolve: ((value: unknown) => void) | Settler<unknown> | undefined;
  #reject: ((error: TightbeamError) => void) | undefined;

  /** `headers`: the application's. */
  constructor(span: Span, headers: Headers | undefined) {
    const context = contextOf(span);
    this.#span = span;
    this.headers = context === undefined ? headers : withTrace(headers, context);
    if (this.headers !== headers) standsAt(this.headers, context);
  }

  end(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#span.end(error);
    } catch {
      // What a tracer throws is not the business of the messages it traces.
    }
  }

  settles(resolve: ((value: unknown) => void) | Settler<unknown>, reject: ((error: TightbeamError) => void) | undefined): void {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  resolve(value: unknown): void {
    this.end();
    if (typeof this.#resolve === "function") this.#resolve(value);
    else this.#resolve?.resolve(value);
  }

  reject(error: TightbeamError): void {
    this.end(error);
    if (typeof this.#resolve === "function") this.#reject?.(error);
    else this.#resolve?.reject(error);
  }
}
