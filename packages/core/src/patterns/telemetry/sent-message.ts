import type { ErrorCode, TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { MessageWatch, Outcome, OutgoingMessage, Sent } from "../../link/message.js";
import type { MessageStage } from "../../telemetry/types.js";
import type { Asked, ToldHeader } from "../taps.js";
import type { Audience } from "./audience.js";
import type { Subject } from "./subject.js";
import { codeOf, type Teller } from "./teller.js";

/** A message from when its link has it until nothing more becomes of it: tells every stage once, in their order, and passes each on to who watches it beside. */
export class SentMessage implements MessageWatch, Sent {
  readonly #teller: Teller;
  readonly subject: Subject;
  readonly #watch: MessageWatch | undefined;
  /** Somebody says what it ends with: a reply, or that there is none. */
  readonly #asks: boolean;
  readonly #since: number;
  #sent: Sent | undefined;
  #wasSent = false;
  #wasAcknowledged = false;
  #over = false;

  /** `of`, `request`: of a reply, what it answers and who was told of that. */
  constructor(
    teller: Teller,
    link: Link,
    header: ToldHeader,
    { bytes, watch, wantsDone = false }: OutgoingMessage,
    of: Asked | undefined,
    audience: Audience,
    request?: Subject,
  ) {
    const { type } = header;
    this.#teller = teller;
    this.#watch = watch;
    this.#asks = type === "request" || type === "stream";
    this.#since = teller.now();
    this.subject = teller.subject("sent", link, header, bytes.length, of, wantsDone, audience, request);
  }

  /** The link took it. */
  queued(sent: Sent | undefined): void {
    this.#sent = sent;
    this.#tell("queued");
  }

  giveUp(): boolean {
    return this.#sent?.giveUp() === true;
  }

  sealed(): void {
    this.#tell("sealed");
    this.#teller.sealed(this);
    this.#watch?.sealed?.();
  }

  /** The transport took its last frame. */
  sent(): void {
    if (this.#wasSent) return;
    this.#wasSent = true;
    this.#tell("sent");
  }

  received(): void {
    this.#acknowledged();
    this.#watch?.received?.();
  }

  done(outcome: Outcome): void {
    if (outcome === "ok") this.#end("processed");
    else if (outcome === "dead_lettered") this.#end("dead_lettered", "dead_lettered");
    else if (outcome !== "again") this.#end("failed", outcome === "no_handler" ? "no_handler" : "handler_failed");
    this.#watch?.done?.(outcome);
  }

  lost(error: TightbeamError, sealed: boolean): void {
    if (!this.#asks) this.#end("failed", error.code);
    this.#watch?.lost?.(error, sealed);
  }

  /** What was asked came to its end. */
  settled(error: unknown): void {
    if (this.#over) return;
    if (error !== undefined) return this.#end("failed", codeOf(error));
    this.#acknowledged();
    this.#end("answered");
  }

  /** An answer, too, says that the peer has all of it. */
  #acknowledged(): void {
    if (this.#wasAcknowledged || this.#over) return;
    this.sent();
    this.#wasAcknowledged = true;
    this.#tell("acknowledged", true);
  }

  #end(what: MessageStage, code?: ErrorCode): void {
    if (this.#over) return;
    this.#tell(what, true, code);
    this.#over = true;
  }

  #tell(what: MessageStage, lasted = false, code?: ErrorCode): void {
    if (!this.#over) this.#teller.message(this.subject, what, lasted ? this.#since : undefined, code);
  }
}
