import type { AnnouncedLimits } from "../secure/types.js";

/** Intake credit: how many requests, notifications and events the other side's application will queue. Totals since the link began, so reordering cannot confuse them. */
export interface IntakeTotals {
  readonly count: number;
  readonly bytes: number;
}

/** What we may still send. A message may start while some of both is left, so the last one may overshoot the bytes once. */
export interface SendCredit {
  readonly available: boolean;
  readonly sent: IntakeTotals;
  spend(bytes: number): void;
  /** A message was given up with this much of it unsent. */
  refund(bytes: number): void;
  /** Raises the totals; lower ones are stale and change nothing. */
  grant(totals: IntakeTotals): void;
}

export function createSendCredit(initial: AnnouncedLimits): SendCredit {
  let count = 0;
  let bytes = 0;
  let grantedCount = initial.intakeCount;
  let grantedBytes = initial.intakeBytes;
  return {
    get available() {
      return count < grantedCount && bytes < grantedBytes;
    },
    get sent() {
      return { count, bytes };
    },
    spend(size) {
      count++;
      bytes += size;
    },
    refund(size) {
      bytes -= size;
    },
    grant(totals) {
      grantedCount = Math.max(grantedCount, totals.count);
      grantedBytes = Math.max(grantedBytes, totals.bytes);
    },
  };
}

/** What the peer may still send us. */
export interface ReceiveCredit {
  /** Counts an arriving intake message; false when the peer had no credit for it. */
  accept(bytes: number): boolean;
  /** The application is done with a message of this size. */
  giveBack(bytes: number): void;
  /** The peer says that it waits for credit. */
  asked(): void;
  /** The peer is to hear of the totals now: enough came back, or it asked. */
  readonly due: boolean;
  /** The totals to put into a CREDIT cell, now counted as told. */
  tell(): IntakeTotals;
  /** What was told did not go out. */
  repeat(): void;
}

export function createReceiveCredit(window: AnnouncedLimits): ReceiveCredit {
  let arrivedCount = 0;
  let arrivedBytes = 0;
  let returnedCount = 0;
  let returnedBytes = 0;
  let toldCount = window.intakeCount;
  let toldBytes = window.intakeBytes;
  /** The peer waits and has not been told anything new since it said so. */
  let blocked = false;
  let due = false;
  return {
    accept(bytes) {
      // Lanes may complete in another order than the sender spent, so the one message of overshoot can be any of them; a message that is too large is refused, not a breach of credit.
      if (arrivedCount >= toldCount || arrivedBytes + Math.min(bytes, window.maxMessageBytes) > toldBytes + window.maxMessageBytes) return false;
      arrivedCount++;
      arrivedBytes += bytes;
      return true;
    },
    giveBack(bytes) {
      returnedCount++;
      returnedBytes += bytes;
      due ||=
        blocked ||
        returnedCount + window.intakeCount - toldCount >= window.intakeCount / 4 ||
        returnedBytes + window.intakeBytes - toldBytes >= window.intakeBytes / 4;
    },
    asked() {
      blocked = true;
      due = true;
    },
    get due() {
      return due;
    },
    tell() {
      due = false;
      if (returnedCount + window.intakeCount > toldCount) blocked = false;
      toldCount = returnedCount + window.intakeCount;
      toldBytes = returnedBytes + window.intakeBytes;
      return { count: toldCount, bytes: toldBytes };
    },
    repeat() {
      due = true;
    },
  };
}
