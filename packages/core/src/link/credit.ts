import { protocol } from "../limits.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { Grant, IntakeTotals } from "./cells.js";
import type { Lane } from "./message.js";

/** Intake credit: how many requests, notifications and events the other side's application will queue. The critical lane has its own. */
const criticalOf = (announced: AnnouncedLimits): AnnouncedLimits => ({
  maxMessageBytes: announced.maxMessageBytes,
  intakeCount: protocol.criticalIntakeCount,
  intakeBytes: protocol.criticalIntakeBytes,
});

/** What we may still send. A message may start while some of both is left, so the last one may overshoot the bytes once. */
interface SendCredit {
  readonly available: boolean;
  spend(bytes: number): void;
  /** A message was given up with this much of it unsent. */
  refund(bytes: number): void;
  /** Raises the totals; lower ones are stale and change nothing. */
  grant(totals: IntakeTotals): void;
}

function createSendCredit(initial: AnnouncedLimits): SendCredit {
  let count = 0;
  let bytes = 0;
  let grantedCount = initial.intakeCount;
  let grantedBytes = initial.intakeBytes;
  return {
    get available() {
      return count < grantedCount && bytes < grantedBytes;
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
interface ReceiveCredit {
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
}

function createReceiveCredit(window: AnnouncedLimits): ReceiveCredit {
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
  };
}

/** Both credits for what we send. */
export interface SendCredits {
  /** Whether a message of this lane may start. */
  open(lane: Lane): boolean;
  spend(lane: Lane, bytes: number): void;
  refund(lane: Lane, bytes: number): void;
  grant(grant: Grant): void;
}

export function createSendCredits(peer: AnnouncedLimits): SendCredits {
  const ordinary = createSendCredit(peer);
  const critical = createSendCredit(criticalOf(peer));
  const of = (lane: Lane): SendCredit => (lane === 0 ? critical : ordinary);
  return {
    open: (lane) => of(lane).available,
    spend: (lane, bytes) => of(lane).spend(bytes),
    refund: (lane, bytes) => of(lane).refund(bytes),
    grant(grant) {
      ordinary.grant(grant.ordinary);
      critical.grant(grant.critical);
    },
  };
}

/** Both credits for what the peer sends. */
export interface ReceiveCredits {
  accept(lane: Lane, bytes: number): boolean;
  giveBack(lane: Lane, bytes: number): void;
  asked(): void;
  readonly due: boolean;
  tell(): Grant;
}

export function createReceiveCredits(own: AnnouncedLimits): ReceiveCredits {
  const ordinary = createReceiveCredit(own);
  const critical = createReceiveCredit(criticalOf(own));
  const of = (lane: Lane): ReceiveCredit => (lane === 0 ? critical : ordinary);
  return {
    accept: (lane, bytes) => of(lane).accept(bytes),
    giveBack: (lane, bytes) => of(lane).giveBack(bytes),
    asked() {
      ordinary.asked();
      critical.asked();
    },
    get due() {
      return ordinary.due || critical.due;
    },
    tell: () => ({ ordinary: ordinary.tell(), critical: critical.tell() }),
  };
}
