import { limits, protocol } from "../limits.js";

/** Round trip, reordering and congestion of one link. Numbers in, numbers out; all times in ms. */
export interface Pace {
  smoothed(): number;
  /** Whole bytes. */
  window(): number;
  /** A cell is lost when a later record was acknowledged and this much has passed since it was sent (RFC 8985, 6.2). */
  lossAfter(): number;
  /** Probe timer without back-off (RFC 9002, 6.2.1). */
  probeAfter(): number;
  /** From the sending of a record to its acknowledgement, and how long the peer says that it waited in between (RFC 9002, 5.3). */
  roundTrip(sample: number, delay: number, now: number): void;
  /** A cell came, although later ones had come before: it was acknowledged `late` ms after it was sent. `judgedLost`: it had been given up wrongly. */
  arrivedLate(late: number, judgedLost: boolean): void;
  /** The peer says that it had what was sent again, so how late it was can only be guessed (RFC 8985, 6.2: the window grows). */
  resentInVain(now: number): void;
  /** Bytes newly acknowledged: the window doubles per round trip. */
  acknowledged(bytes: number): void;
  /** Halves the window, once per round trip: only for cells sent after the last halving. */
  lost(sentAt: number, now: number): void;
}

const initialRoundTrip = 100;
/** A peer that claims to have held an acknowledgement longer than this is not believed. */
const delayMax = limits.ackDelayMs + limits.probeSlackMs;
/** How late a record may be before it is taken as lost, at most: the larger of this and two round trips. */
const reorderingMax = 500;
const reorderingMargin = 5 / 4;
/** A network that reordered is remembered this long: loss alone never looks like reordering, so only such a network waits longer. */
const reorderingHalfLife = 10_000;

export function createPace(): Pace {
  let smoothed = initialRoundTrip;
  let latest = initialRoundTrip;
  let variation = initialRoundTrip / 2;
  let minimum = Number.POSITIVE_INFINITY;
  let measured = false;
  let reordering = 0;
  let fadedAt = 0;
  let widenedAt = Number.NEGATIVE_INFINITY;
  let window: number = limits.congestionInitialBytes;
  let beforeHalving = window;
  let halvedAt = Number.NEGATIVE_INFINITY;

  return {
    smoothed: () => smoothed,
    window: () => window,
    lossAfter: () => (Math.max(smoothed, latest) * 9) / 8 + reordering + 1,
    probeAfter: () => Math.max(limits.probeMinMs, smoothed + 4 * variation) + limits.probeSlackMs,
    roundTrip(sample, delay, now) {
      const whole = Math.max(sample, 0);
      minimum = Math.min(minimum, whole);
      const shorter = whole - Math.min(delay, delayMax);
      latest = shorter >= minimum ? shorter : whole;
      if (measured) {
        variation += (Math.abs(smoothed - latest) - variation) / 4;
        smoothed += (latest - smoothed) / 8;
      } else {
        measured = true;
        smoothed = latest;
        variation = latest / 2;
      }
      if (reordering === 0) return;
      reordering *= 2 ** ((fadedAt - now) / reorderingHalfLife);
      fadedAt = now;
    },
    arrivedLate(late, judgedLost) {
      const beyond = (late - smoothed) * reorderingMargin;
      if (beyond > reordering) reordering = Math.min(beyond, Math.max(2 * smoothed, reorderingMax));
      if (judgedLost) window = Math.max(window, beforeHalving);
    },
    resentInVain(now) {
      if (now - widenedAt < smoothed) return;
      widenedAt = now;
      reordering = Math.min(2 * reordering + smoothed / 2, Math.max(2 * smoothed, reorderingMax));
    },
    acknowledged(bytes) {
      window = Math.min(window + bytes, protocol.windowMaxBytes);
    },
    lost(sentAt, now) {
      if (sentAt <= halvedAt) return;
      halvedAt = now;
      beforeHalving = window;
      window = Math.max(Math.floor(window / 2), limits.congestionMinBytes);
    },
  };
}
