import { protocol } from "../limits.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { Grant } from "./cells.js";
import type { Lane } from "./message.js";

/**
 * Intake credit: how many requests, notifications and events the other side's application will queue. Totals since the
 * link began, so reordering cannot confuse them. The critical lane has its own.
 */
type Kind = 0 | 1;
const ordinary: Kind = 0;
const critical: Kind = 1;
const kindOf = (lane: Lane): Kind => (lane === 0 ? critical : ordinary);

const countsOf = (announced: AnnouncedLimits): [number, number] => [announced.intakeCount, protocol.criticalIntakeCount];
const bytesOf = (announced: AnnouncedLimits): [number, number] => [announced.intakeBytes, protocol.criticalIntakeBytes];

/** What we may still send. */
export interface SendCredits {
  /** Whether a message of this lane may start: some of both count and bytes is left, so the last one may overshoot the bytes once. */
  open(lane: Lane): boolean;
  spend(lane: Lane, bytes: number): void;
  /** A message was given up with this much of it unsent. */
  refund(lane: Lane, bytes: number): void;
  /** Raises the totals; lower ones are stale and change nothing. */
  grant(grant: Grant): void;
}

export function createSendCredits(peer: AnnouncedLimits): SendCredits {
  const sentCount: [number, number] = [0, 0];
  const sentBytes: [number, number] = [0, 0];
  const grantedCount = countsOf(peer);
  const grantedBytes = bytesOf(peer);
  return {
    open(lane) {
      const kind = kindOf(lane);
      return sentCount[kind] < grantedCount[kind] && sentBytes[kind] < grantedBytes[kind];
    },
    spend(lane, bytes) {
      const kind = kindOf(lane);
      sentCount[kind]++;
      sentBytes[kind] += bytes;
    },
    refund(lane, bytes) {
      sentBytes[kindOf(lane)] -= bytes;
    },
    grant(grant) {
      grantedCount[ordinary] = Math.max(grantedCount[ordinary], grant.ordinary.count);
      grantedBytes[ordinary] = Math.max(grantedBytes[ordinary], grant.ordinary.bytes);
      grantedCount[critical] = Math.max(grantedCount[critical], grant.critical.count);
      grantedBytes[critical] = Math.max(grantedBytes[critical], grant.critical.bytes);
    },
  };
}

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

export function createReceiveCredits(own: AnnouncedLimits): ReceiveCredits {
  const windowCount = countsOf(own);
  const windowBytes = bytesOf(own);
  const arrivedCount: [number, number] = [0, 0];
  const arrivedBytes: [number, number] = [0, 0];
  const returnedCount: [number, number] = [0, 0];
  const returnedBytes: [number, number] = [0, 0];
  const toldCount = countsOf(own);
  const toldBytes = bytesOf(own);
  /** The peer waits and has not been told anything new since it said so. */
  const blocked: [boolean, boolean] = [false, false];
  let isDue = false;

  const tellOne = (kind: Kind): Grant["ordinary"] => {
    const count = returnedCount[kind] + windowCount[kind];
    if (count > toldCount[kind]) blocked[kind] = false;
    toldCount[kind] = count;
    toldBytes[kind] = returnedBytes[kind] + windowBytes[kind];
    return { count, bytes: toldBytes[kind] };
  };

  return {
    accept(lane, bytes) {
      const kind = kindOf(lane);
      // Lanes may complete in another order than the sender spent, so the one message of overshoot can be any of them; a message that is too large is refused, not a breach of credit.
      const most = toldBytes[kind] + own.maxMessageBytes;
      if (arrivedCount[kind] >= toldCount[kind] || arrivedBytes[kind] + Math.min(bytes, own.maxMessageBytes) > most) return false;
      arrivedCount[kind]++;
      arrivedBytes[kind] += bytes;
      return true;
    },
    giveBack(lane, bytes) {
      const kind = kindOf(lane);
      returnedCount[kind]++;
      returnedBytes[kind] += bytes;
      isDue ||=
        blocked[kind] ||
        returnedCount[kind] + windowCount[kind] - toldCount[kind] >= windowCount[kind] / 4 ||
        returnedBytes[kind] + windowBytes[kind] - toldBytes[kind] >= windowBytes[kind] / 4;
    },
    asked() {
      blocked.fill(true);
      isDue = true;
    },
    due: () => isDue,
    tell() {
      isDue = false;
      return { ordinary: tellOne(ordinary), critical: tellOne(critical) };
    },
  };
}
