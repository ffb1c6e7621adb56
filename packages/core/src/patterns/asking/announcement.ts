import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { MessageWatch, Outcome, Sent } from "../../link/message.js";
import type { Taps } from "../taps.js";
import type { Deadlines, Limit, Limited } from "./deadlines.js";
import { cancelled, type NotifyOptions, outcomeUnknown, timeoutOf, withKey } from "./operation.js";

export interface AnnouncementOptions {
  readonly link: Link;
  readonly method: string;
  readonly operation: NotifyOptions;
  readonly resolve: () => void;
  readonly reject: (error: TightbeamError) => void;
  /** Hears what becomes of it when its caller does not any more. */
  readonly keep?: MessageWatch | undefined;
  readonly taps: Taps;
}

/** A notification until its caller has heard of it: it watches the message for what `confirm` asks, its timeout and its signal. */
export class Announcement implements MessageWatch, Limited {
  #options: AnnouncementOptions | undefined;
  #sent: Sent | undefined;
  #limit: Limit | undefined;
  /** Set when its caller was told that it is on its way. */
  #keep: MessageWatch | undefined;

  constructor(options: AnnouncementOptions) {
    this.#options = options;
  }

  /** The message was handed over. */
  begin(sent: Sent, deadlines: Deadlines, left: number, signal: AbortSignal | undefined): void {
    this.#sent = sent;
    this.#limit = deadlines.limit(left, this, signal);
    if (this.#options === undefined) this.#limit.clear();
  }

  sealed(): void {
    if (this.#options?.operation.confirm === undefined) this.#settle();
  }

  received(): void {
    this.#keep?.received?.();
    if (this.#options?.operation.confirm === "received") this.#settle();
  }

  done(outcome: Outcome): void {
    if (this.#options !== undefined) this.#settle(ofOutcome(outcome, this.#options));
  }

  lost(error: TightbeamError, sealed: boolean): void {
    this.#keep?.lost?.(error, sealed);
    if (this.#options !== undefined) this.#settle(withKey(error, this.#options.operation));
  }

  expired(): void {
    if (this.#options === undefined) return;
    const { link, method, operation } = this.#options;
    const ms = timeoutOf(operation);
    this.#settle(
      this.#sent?.giveUp() === true
        ? new TightbeamError("timeout", `'${method}' was not sent to ${link.peer.id} within ${ms} ms: the link was full or down. It was given up.`)
        : outcomeUnknown(`No confirmation came within ${ms} ms`, operation),
    );
  }

  aborted(signal: AbortSignal): void {
    if (this.#options === undefined) return;
    const unsent = this.#sent?.giveUp() === true;
    this.#settle(unsent ? cancelled(signal) : outcomeUnknown("The notification was cancelled", this.#options.operation, signal.reason));
  }

  /** The window keeps this until the peer has acknowledged, which may be thousands of messages later: all else is let go of. */
  #settle(error?: TightbeamError): void {
    const options = this.#options;
    if (error !== undefined) options?.taps.messages?.settled(this.#sent, error);
    this.#limit?.clear();
    this.#options = undefined;
    this.#sent = undefined;
    this.#limit = undefined;
    if (error === undefined) {
      this.#keep = options?.keep;
      options?.resolve();
    } else options?.reject(error);
  }
}

const ofOutcome = (outcome: Outcome, { method, link }: AnnouncementOptions): TightbeamError | undefined => {
  if (outcome === "ok") return undefined;
  if (outcome === "no_handler") return new TightbeamError("no_handler", `${link.peer.id} has no handler for '${method}'.`);
  return new TightbeamError("handler_failed", `${link.peer.id} refused '${method}', or its handler failed.`);
};
