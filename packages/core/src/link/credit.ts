import * as protocol from "../protocol.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { Grant } from "./cells.js";
import type { Lane } from "./message.js";

/**
 * Intake credit: how many requests, notifications and events the other side's application will queue. Totals since the
 * link began, so reordering cannot confuse them. The critical lane has its own.
 */
interface Allowance {
  readonly count: number;
  readonly bytes: number;
}

const ordinaryOf = (announced: AnnouncedLimits): Allowance => ({ count: announced.intakeCount, bytes: announced.intakeBytes });
const critical: Allowance = { count: protocol.criticalIntakeCount, bytes: protocol.criticalIntakeBytes };

/** What we may still send. */
export interface SendCredits {
  /** Whether a message of this lane may start: some of both count and bytes is left, so the last one may overshoot the bytes once. */
  open(lane: Lane): boolean;
  /** Whether so many messages of so many bytes may start. */
  left(lane: Lane, count: number, bytes: number): boolean;
  /** Of all lanes but the critical one, which has its own. */
  readonly rest: { readonly messages: number; readonly bytes: number };
  spend(lane: Lane, bytes: number): void;
  /** A message was given up with this much of it unsent. */
  refund(lane: Lane, bytes: number): void;
  /** Raises the totals; lower ones are stale and change nothing. */
  grant(grant: Grant): void;
}

class SendAccount {
  #sentCount = 0;
  #sentBytes = 0;
  #grantedCount: number;
  #grantedBytes: number;

  constructor(first: Allowance) {
    this.#grantedCount = first.count;
    this.#grantedBytes = first.bytes;
  }

  get open(): boolean {
    return this.#sentCount < this.#grantedCount && this.#sentBytes < this.#grantedBytes;
  }

  left(count: number, bytes: number): boolean {
    return this.#sentCount + count <= this.#grantedCount && this.#sentBytes + bytes <= this.#grantedBytes;
  }

  get rest(): SendCredits["rest"] {
    return { messages: Math.max(this.#grantedCount - this.#sentCount, 0), bytes: Math.max(this.#grantedBytes - this.#sentBytes, 0) };
  }

  spend(count: number, bytes: number): void {
    this.#sentCount += count;
    this.#sentBytes += bytes;
  }

  grant(totals: Allowance): void {
    this.#grantedCount = Math.max(this.#grantedCount, totals.count);
    this.#grantedBytes = Math.max(this.#grantedBytes, totals.bytes);
  }
}

class LinkSendCredits implements SendCredits {
  readonly #ordinary: SendAccount;
  readonly #critical = new SendAccount(critical);

  constructor(peer: AnnouncedLimits) {
    this.#ordinary = new SendAccount(ordinaryOf(peer));
  }

  open(lane: Lane): boolean {
    return this.#of(lane).open;
  }

  left(lane: Lane, count: number, bytes: number): boolean {
    return this.#of(lane).left(count, bytes);
  }

  get rest(): SendCredits["rest"] {
    return this.#ordinary.rest;
  }

  spend(lane: Lane, bytes: number): void {
    this.#of(lane).spend(1, bytes);
  }

  refund(lane: Lane, bytes: number): void {
    this.#of(lane).spend(0, -bytes);
  }

  grant(grant: Grant): void {
    this.#ordinary.grant(grant.ordinary);
    this.#critical.grant(grant.critical);
  }

  #of(lane: Lane): SendAccount {
    return lane === 0 ? this.#critical : this.#ordinary;
  }
}

export const createSendCredits = (peer: AnnouncedLimits): SendCredits => new LinkSendCredits(peer);

/** What the peer may still send us. */
export interface ReceiveCredits {
  /** Counts an arriving intake message; false when the peer had no credit for it. */
  accept(lane: Lane, bytes: number): boolean;
  /** The application is done with a message of this size. */
  giveBack(lane: Lane, bytes: number): void;
  /** The peer says that it waits for credit. */
  asked(): void;
  /** The peer is to hear of the totals now: enough came back, or it asked. */
  due(): boolean;
  /** The totals to put into a CREDIT cell, now counted as told. */
  tell(): Grant;
}

class ReceiveAccount {
  /** The peer waits and has not been told anything new since it said so. */
  blocked = false;
  readonly #window: Allowance;
  #arrivedCount = 0;
  #arrivedBytes = 0;
  #returnedCount = 0;
  #returnedBytes = 0;
  #toldCount: number;
  #toldBytes: number;

  constructor(window: Allowance) {
    this.#window = window;
    this.#toldCount = window.count;
    this.#toldBytes = window.bytes;
  }

  accept(bytes: number, maxMessageBytes: number): boolean {
    // Lanes may complete in another order than the sender spent, so the one message of overshoot can be any of them; a message that is too large is refused, not a breach of credit.
    const most = this.#toldBytes + maxMessageBytes;
    if (this.#arrivedCount >= this.#toldCount || this.#arrivedBytes + Math.min(bytes, maxMessageBytes) > most) return false;
    this.#arrivedCount++;
    this.#arrivedBytes += bytes;
    return true;
  }

  /** Returns whether the peer is to hear of it now. */
  giveBack(bytes: number): boolean {
    this.#returnedCount++;
    this.#returnedBytes += bytes;
    const { count, bytes: most } = this.#window;
    return this.blocked || this.#returnedCount + count - this.#toldCount >= count / 4 || this.#returnedBytes + most - this.#toldBytes >= most / 4;
  }

  tell(): Allowance {
    const count = this.#returnedCount + this.#window.count;
    if (count > this.#toldCount) this.blocked = false;
    this.#toldCount = count;
    this.#toldBytes = this.#returnedBytes + this.#window.bytes;
    return { count, bytes: this.#toldBytes };
  }
}

class LinkReceiveCredits implements ReceiveCredits {
  readonly #maxMessageBytes: number;
  readonly #ordinary: ReceiveAccount;
  readonly #critical = new ReceiveAccount(critical);
  #due = false;

  constructor(own: AnnouncedLimits) {
    this.#maxMessageBytes = own.maxMessageBytes;
    this.#ordinary = new ReceiveAccount(ordinaryOf(own));
  }

  accept(lane: Lane, bytes: number): boolean {
    return this.#of(lane).accept(bytes, this.#maxMessageBytes);
  }

  giveBack(lane: Lane, bytes: number): void {
    if (this.#of(lane).giveBack(bytes)) this.#due = true;
  }

  asked(): void {
    this.#ordinary.blocked = true;
    this.#critical.blocked = true;
    this.#due = true;
  }

  due(): boolean {
    return this.#due;
  }

  tell(): Grant {
    this.#due = false;
    return { ordinary: this.#ordinary.tell(), critical: this.#critical.tell() };
  }

  #of(lane: Lane): ReceiveAccount {
    return lane === 0 ? this.#critical : this.#ordinary;
  }
}

export const createReceiveCredits = (own: AnnouncedLimits): ReceiveCredits => new LinkReceiveCredits(own);
