import type { EnvelopeHeader } from "../../envelope/types.js";
import type { ErrorCode } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, Outcome } from "../../link/message.js";
import type { HeldTap } from "../taps.js";
import type { Audience } from "./audience.js";
import type { Subject } from "./subject.js";
import { codeOf, type Teller } from "./teller.js";

/** Of what came and failed. */
export const stageOf = (code: ErrorCode): "expired" | "failed" => (code === "expired" ? "expired" : "failed");
/** Its sender may not do that, or not so often. */
export const isRefusal = (code: ErrorCode): boolean => code === "forbidden" || code === "rate_limited";

/** What became of a message that came, told once. */
export class CameMessage implements HeldTap {
  readonly #teller: Teller;
  readonly #link: Link;
  readonly subject: Subject;
  readonly #since: number;
  #over = false;

  constructor(teller: Teller, link: Link, header: EnvelopeHeader, bytes: number, audience: Audience) {
    this.#teller = teller;
    this.#link = link;
    this.#since = teller.now();
    this.subject = teller.subject("received", link, header, bytes, undefined, false, audience);
    teller.message(this.subject, "delivered", undefined);
  }

  failed(error: unknown, attempt?: number): void {
    const code = error === undefined ? "no_handler" : codeOf(error);
    this.#tell(stageOf(code), code, attempt);
    if (isRefusal(code)) this.#teller.refused(this.#link, code);
  }

  processed(attempt?: number): void {
    this.#tell("processed", undefined, attempt);
  }

  over(outcome: Outcome, error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    if (outcome === "ok") this.processed();
    else this.failed(outcome === "no_handler" ? undefined : (error ?? outcome));
  }

  #tell(what: "processed" | "failed" | "expired", code: ErrorCode | undefined, attempt: number | undefined): void {
    this.#teller.message(this.subject, what, this.#since, code, attempt);
  }
}

/** Between a message and its handler. */
export class ToldDelivery implements Delivery {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly lane: Delivery["lane"];
  readonly intake: boolean;
  readonly wantsDone: boolean;
  readonly refused: Delivery["refused"];
  readonly #delivery: Delivery;
  readonly #message: CameMessage;
  /** Its handlers go on when it is settled. */
  readonly #goesOn: boolean;

  constructor(delivery: Delivery, message: CameMessage, goesOn: boolean) {
    this.bytes = delivery.bytes;
    this.size = delivery.size;
    this.lane = delivery.lane;
    this.intake = delivery.intake;
    this.wantsDone = delivery.wantsDone;
    this.refused = delivery.refused;
    this.#delivery = delivery;
    this.#message = message;
    this.#goesOn = goesOn;
  }

  get subject(): Subject {
    return this.#message.subject;
  }

  settle(outcome: Outcome, error?: unknown): void {
    this.#delivery.settle(outcome, error);
    if (outcome !== "ok" || !this.#goesOn) this.#message.over(outcome, error);
  }

  handled(error: unknown): void {
    this.#message.over(error === undefined ? "ok" : "refused", error);
  }
}
