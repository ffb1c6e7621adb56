import type { Method } from "../../contract/index.js";
import type { Headers } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import type { MessageWatch, Sent } from "../../link/message.js";
import { release } from "../../release.js";
import { nothingWasDone } from "../../resilience/outcome.js";
import type { Settler } from "../../resilience/types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { AnsweredRequest, Taps, ToldHeader, UnwatchedRequest } from "../taps.js";
import type { Deadlines, Limit, Limited } from "./deadlines.js";
import { cancelled, laneOf, type OperationOptions, outcomeUnknown, timeoutOf, withKey } from "./operation.js";

/** What a request needs of the side that asks. */
export interface CallHost {
  readonly runtime: Runtime;
  readonly deadlines: Deadlines;
  readonly taps: Taps;
  /** Any link that will do, without dialling. */
  choose(target: LinkTarget): Link | undefined;
  connect(target: LinkTarget, options: { timeout: number; signal?: AbortSignal | undefined }): Promise<Link>;
  /** Tells the peer that nobody waits any more. */
  sendCancel(link: Link, id: string): void;
  /** This link's peer takes no more requests for now. */
  decline(link: Link): void;
  /** The call has settled. False when it had before. */
  remove(id: string): boolean;
  has(id: string): boolean;
  onMoved(moved: Moved): void;
}

/** A request that went to another instance of its agent. */
export interface Moved {
  readonly id: string;
  readonly method: string;
  readonly peer: string;
  /** Instances. */
  readonly from: string;
  readonly to: string;
}

export interface Question {
  readonly id: string;
  readonly method: Method;
  readonly target: LinkTarget;
  readonly options: OperationOptions;
  /** The whole envelope. */
  readonly bytes: Uint8Array;
  /** ms that are left for it. */
  readonly left: number;
}

export function checkSize(link: Link, bytes: number): void {
  const most = link.peer.limits.maxMessageBytes;
  if (bytes > most) throw new TightbeamError("too_large", `The message has ${bytes} bytes; ${link.peer.id} takes at most ${most}. Send it in parts.`);
}

/**
 * A request from its sending to its outcome. When its link ends it goes to another instance if that cannot do anything
 * twice: not all of it had left, or its key or its contract says that twice is the same as once.
 */
export class Call implements MessageWatch, Limited, UnwatchedRequest, AnsweredRequest {
  /** Where it waits for its reply. */
  link: Link;
  readonly #host: CallHost;
  readonly #question: Question;
  readonly #until: number;
  /** The settler of an attempt under a policy, when there is no `reject`. */
  readonly #resolve: ((value: unknown) => void) | Settler<unknown>;
  readonly #reject: ((error: TightbeamError) => void) | undefined;
  /** Kept for as long as it may be sent again. */
  #bytes: Uint8Array | undefined;
  #sent: Sent | undefined;
  #limit: Limit | undefined;
  /** Why it waits for another link. */
  #departed: TightbeamError | undefined;
  /** It left an instance that may have done it: what another one says of itself is not the whole truth (G-11). */
  #doubt = false;
  #moves = 0;

  /** Throws what the link throws, and `too_large`. */
  constructor(
    host: CallHost,
    question: Question,
    link: Link,
    resolve: ((value: unknown) => void) | Settler<unknown>,
    reject: ((error: TightbeamError) => void) | undefined,
  ) {
    const began = (typeof resolve === "function" ? undefined : resolve.now) ?? host.runtime.clock.monotonic();
    this.#host = host;
    this.#question = question;
    this.#until = began + question.left;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#bytes = question.bytes;
    this.link = link;
    this.#send(link, question.bytes);
  }

  get method(): Method {
    return this.#question.method;
  }

  /** Starts its time, and listens to its signal. */
  watch(): void {
    const { options, left } = this.#question;
    this.#limit = this.#host.deadlines.limit(left, this, options.signal, this.#until);
  }

  settle(value: unknown, error: TightbeamError | undefined): void {
    if (!this.#host.remove(this.#question.id)) return;
    if (this.#departed === undefined) this.link.awaited--;
    this.#limit?.clear();
    this.#host.taps.messages?.answered(this.#sent, error, this);
    const settler = this.#resolve;
    const known = error !== undefined && this.#doubt && nothingWasDone(error) ? this.#refusedElsewhere(error) : error;
    if (typeof settler === "function") {
      if (known === undefined) settler(value);
      else this.#reject?.(known);
    } else if (known === undefined) settler.resolve(value);
    else settler.reject(known);
  }

  #refusedElsewhere(error: TightbeamError): TightbeamError {
    return outcomeUnknown(`An earlier instance went away, and another one refused (${error.code})`, this.#question.options, error);
  }

  /** The peer has all of it. */
  received(): void {
    // Only a refusal can still move it; not worth the memory of a large one.
    if (this.#bytes === undefined || this.#repeatable || this.#bytes.length <= limits.keptBytesMax) return;
    // A link that it left may still repeat it: only one that never moved is nobody else's.
    if (this.#moves === 0) release(this.#bytes);
    this.#bytes = undefined;
  }

  lost(error: TightbeamError, sealed: boolean): void {
    if (this.#departed !== undefined) return;
    if (sealed) this.#doubt = true;
    this.#leave(error, !sealed || this.#repeatable, this.#question.left);
  }

  /** The peer did nothing with it and takes no more for now: another instance may, if there is one soon. */
  declined(error: TightbeamError): void {
    this.#host.decline(this.link);
    this.#leave(error, true, limits.declinedWaitMs);
  }

  /** For another instance, which it waits for at most `ms`; else it settles with the error. */
  #leave(error: TightbeamError, harmless: boolean, ms: number): void {
    const { options, target } = this.#question;
    if (!harmless || this.#bytes === undefined || target.instance !== undefined || this.#moves === limits.resendsMax) {
      return this.settle(undefined, withKey(error, options));
    }
    this.#departed = withKey(error, options);
    this.#moves++;
    this.link.awaited--;
    void this.#move(this.#bytes, ms).catch(() => this.settle(undefined, this.#departed));
  }

  /** The same bytes: the same id and key, and a ttl that counts from the beginning. */
  async #move(bytes: Uint8Array, ms: number): Promise<void> {
    const { choose, connect, has, onMoved, runtime } = this.#host;
    const { id, target, method, options } = this.#question;
    // The link tells us of its end before it is out of the table.
    await settled;
    const timeout = Math.max(Math.min(this.#until - runtime.clock.monotonic(), ms), 1);
    const any = await connect(target, { timeout, signal: options.signal });
    if (!has(id)) return;
    const from = this.link.peer.instance;
    this.#send(choose(target) ?? any, bytes);
    this.#departed = undefined;
    const { peer } = this.link;
    onMoved({ id, method: method.name, peer: peer.id, from, to: peer.instance });
  }

  #send(link: Link, bytes: Uint8Array): void {
    checkSize(link, bytes.length);
    const { messages } = this.#host.taps;
    const message = { bytes, lane: laneOf(this.#question.options, bytes.length), intake: true, kept: true, part: false, wantsDone: false, watch: this };
    this.#sent = messages === undefined ? link.send(message) : messages.send(link, this.asked, message);
    this.link = link;
    link.awaited++;
  }

  get asked(): ToldHeader {
    const { id, method, options } = this.#question;
    const { priority = "normal", headers } = options;
    return headers === undefined ? { type: "request", id, priority, method: method.name } : { type: "request", id, priority, method: method.name, headers };
  }

  get sent(): Sent | undefined {
    return this.#sent;
  }

  get headers(): Headers | undefined {
    return this.#question.options.headers;
  }

  get bytes(): number {
    return this.#question.bytes.length;
  }

  get since(): number {
    return this.#until - this.#question.left;
  }

  get #repeatable(): boolean {
    const { method, options } = this.#question;
    return method.idempotent || options.idempotencyKey !== undefined;
  }

  expired(): void {
    if (this.#departed !== undefined) return this.settle(undefined, this.#departed);
    const { id, method, options } = this.#question;
    const { link } = this;
    const unsent = this.#sent?.giveUp() === true;
    if (!unsent) this.#host.sendCancel(link, id);
    const total = timeoutOf(options);
    const why = unsent
      ? `'${method.name}' was not sent to ${link.peer.id} within ${total} ms: the link was full or down. It was given up; the handler did not run.`
      : `${link.peer.id} did not answer '${method.name}' within ${total} ms; whether the handler ran is unknown.`;
    this.settle(undefined, withKey(new TightbeamError("timeout", why), options));
  }

  aborted(signal: AbortSignal): void {
    const { id, options } = this.#question;
    const unsent = this.#sent?.giveUp() === true;
    if (!unsent) this.#host.sendCancel(this.link, id);
    this.settle(undefined, unsent ? cancelled(signal) : outcomeUnknown("The call was cancelled", options, signal.reason));
  }
}

const settled = Promise.resolve();
