import { limits, protocol } from "../limits.js";

/** Round trip, reordering and congestion of one link. Numbers in, numbers out; all times in ms. */
export interface Pace {
  readonly smoothed: number;
  readonly window: number;
  /** A cell is lost when a later record was acknowledged and this much has passed since it was sent (RFC 8985, 6.2). */
  readonly lossAfter: number;
  /** Probe timer without back-off (RFC 9002, 6.2.1). */
  readonly probeAfter: number;
  readonly reordering: number;
  /** RFC 9002, 5.3. */
  roundTrip(sample: number): void;
  /** A cell came, although later ones had come before: `late` ms after it was sent. */
  arrivedLate(late: number): void;
  /** Bytes newly acknowledged: the window doubles per round trip. */
  acknowledged(bytes: number): void;
  /** Halves the window, once per round trip: only for cells sent after the last halving. */
  lost(sentAt: number, now: number): void;
}

const initialRoundTrip = 100;

export function createPace(): Pace {
  let smoothed = initialRoundTrip;
  let variation = initialRoundTrip / 2;
  let minimum = Number.POSITIVE_INFINITY;
  let measured = false;
  let reordering = 0;
  let window: number = limits.congestionInitialBytes;
  let halvedAt = Number.NEGATIVE_INFINITY;

  return {
    get smoothed() {
      return smoothed;
    },
    get window() {
      return window;
    },
    get reordering() {
      return reordering;
    },
    get lossAfter() {
      return (smoothed * 9) / 8 + reordering + 1;
    },
    get probeAfter() {
      return Math.max(limits.probeMinMs, smoothed + 4 * variation) + limits.probeSlackMs;
    },
    roundTrip(sample) {
      const value = Math.max(sample, 0);
      minimum = Math.min(minimum, value);
      if (measured) {
        variation += (Math.abs(smoothed - value) - variation) / 4;
        smoothed += (value - smoothed) / 8;
      } else {
        measured = true;
        smoothed = value;
        variation = value / 2;
      }
      reordering -= reordering / 64;
    },
    arrivedLate(late) {
      const beyond = late - smoothed;
      const most = Math.max(2 * smoothed, 200);
      if (beyond > reordering) reordering = Math.min(beyond, most);
    },
    acknowledged(bytes) {
      window = Math.min(window + bytes, protocol.windowMaxBytes);
    },
    lost(sentAt, now) {
      if (sentAt <= halvedAt) return;
      halvedAt = now;
      window = Math.max(window / 2, limits.congestionMinBytes);
    },
  };
}
