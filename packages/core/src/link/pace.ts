import * as limits from "../limits.js";
import * as protocol from "../protocol.js";

/** Round trip, reordering and congestion of one link. Numbers in, numbers out; all times in ms. */
export interface Pace {
  smoothed(): number;
  /** Whole bytes. */
  window(): number;
  /** Bytes of a record, beside its ACK: a full one while the window is small would be all of it, and nothing later could tell that it was lost. */
  record(): number;
  /** A cell is lost when a later record was acknowledged and this much has passed since it was sent (RFC 8985, 6.2). */
  lossAfter(): number;
  /** Probe timer without back-off (RFC 9002, 6.2.1), with room for what this network reorders: else each tail that is late would be probed. */
  probeAfter(): number;
  /** From the sending of a record to its acknowledgement, and how long the peer says that it waited in between (RFC 9002, 5.3). */
  roundTrip(sample: number, delay: number, now: number): void;
  /** A cell came, although later ones had come before: it was acknowledged `late` ms after it was sent. `judgedLost`: it had been given up wrongly. */
  arrivedLate(late: number, judgedLost: boolean): void;
  /** The peer says that it had what was sent again, so how late it was can only be guessed (RFC 8985, 6.2: the window grows). */
  resentInVain(now: number): void;
  /** Bytes newly acknowledged: the window doubles per round trip, while little waits on the way. */
  acknowledged(bytes: number): void;
  /** Halves the window, once per round trip: only for cells sent after the last halving. */
  lost(sentAt: number, now: number): void;
}

const initialRoundTrip = 100;
/** A peer that claims to have held an acknowledgement longer than this is not believed. */
const delayMax = 30;
/** How late a record may be before it is taken as lost, at most: the larger of this and two round trips. */
const reorderingMax = 500;
const recordsPerWindow = 4;
const smallestRecord = protocol.cellMaxBytes + protocol.cellHeaderBytes;
const reorderingMargin = 5 / 4;
/** ms that a record may wait on the way for those before it: past it the window does not grow, past four times as much it is halved. Else a large message fills whatever the way holds, and all lanes wait behind it. */
const queueMax = 250;
/** The shortest round trip is forgotten slowly: the way may have changed. */
const minimumFades = 1_024;
const unmeasured = 1e9;
/** A network that reordered is remembered this long: loss alone never looks like reordering, so only such a network waits longer. */
const reorderingHalfLife = 10_000;

class LinkPace implements Pace {
  #smoothed = initialRoundTrip;
  #latest = 0;
  #variation = initialRoundTrip / 2;
  #minimum = unmeasured;
  #reordering = 0;
  #fadedAt = 0;
  #widenedAt = Number.NEGATIVE_INFINITY;
  #window: number = limits.congestionInitialBytes;
  #beforeHalving: number = limits.congestionInitialBytes;
  #halvedAt = Number.NEGATIVE_INFINITY;

  smoothed(): number {
    return this.#smoothed;
  }

  window(): number {
    return this.#window;
  }

  record(): number {
    return Math.max(smallestRecord, Math.floor(this.#window / recordsPerWindow));
  }

  lossAfter(): number {
    return (Math.max(this.#smoothed, this.#latest) * 9) / 8 + this.#reordering + 1;
  }

  probeAfter(): number {
    return Math.max(limits.probeMinMs, this.#smoothed + 4 * this.#variation) + limits.probeSlackMs + this.#reordering;
  }

  roundTrip(sample: number, delay: number, now: number): void {
    const shorter = sample - Math.min(delay, delayMax);
    const latest = shorter >= this.#minimum ? shorter : sample;
    this.#latest = latest;
    if (this.#minimum === unmeasured) {
      this.#smoothed = latest;
      this.#variation = latest / 2;
    } else {
      this.#variation += (Math.abs(this.#smoothed - latest) - this.#variation) / 4;
      this.#smoothed += (latest - this.#smoothed) / 8;
    }
    this.#minimum = Math.min(this.#minimum + (sample - this.#minimum) / minimumFades, sample);
    if (latest - this.#minimum > 4 * queueMax) this.lost(now - sample, now);
    if (this.#reordering > 0) this.#reordering *= 2 ** ((this.#fadedAt - now) / reorderingHalfLife);
    this.#fadedAt = now;
  }

  arrivedLate(late: number, judgedLost: boolean): void {
    const beyond = (late - this.#smoothed) * reorderingMargin;
    if (beyond > this.#reordering) this.#reordering = Math.min(beyond, Math.max(2 * this.#smoothed, reorderingMax));
    if (judgedLost) this.#window = Math.max(this.#window, this.#beforeHalving);
  }

  resentInVain(now: number): void {
    if (now - this.#widenedAt < this.#smoothed) return;
    this.#widenedAt = now;
    this.#reordering = Math.min(2 * this.#reordering + this.#smoothed / 2, Math.max(2 * this.#smoothed, reorderingMax));
  }

  acknowledged(bytes: number): void {
    if (this.#latest - this.#minimum <= queueMax) this.#window = Math.min(this.#window + bytes, protocol.windowMaxBytes);
  }

  lost(sentAt: number, now: number): void {
    if (sentAt <= this.#halvedAt) return;
    this.#halvedAt = now;
    this.#beforeHalving = this.#window;
    this.#window = Math.max(Math.floor(this.#window / 2), limits.congestionMinBytes);
  }
}

export const createPace = (): Pace => new LinkPace();
