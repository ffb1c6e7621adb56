import * as limits from "../limits.js";
import type { Pace } from "./pace.js";

/** Asks the peer for a sign of life: when acknowledgements stay away, when the link is idle, when credit stays away. All times in ms. */
export interface Probe {
  /** An authenticated record came. */
  heard(now: number): void;
  /** Something went out that asks for an acknowledgement. */
  sent(now: number): void;
  /** After a record was read: nothing outstanding ends the waiting. */
  update(outstanding: boolean): void;
  /** Whether messages wait for nothing but intake credit. */
  blocked(blocked: boolean, now: number): void;
  /** The transport is down. */
  pause(now: number): void;
  /** The transport has come back: the time it was down does not count as silence. */
  restart(now: number): void;
  /** `awaiting`: the application waits for replies. The peer is then asked after a sixth of `goneAfter`, at least 0.5 s, instead of 25 s. */
  deadline(outstanding: boolean, awaiting: boolean): number;
  tick(now: number, outstanding: boolean, awaiting: boolean): ProbeDue;
  /** When something will have been pending and the peer silent for the larger of 1 s and two probe timers. Infinity: nothing is pending. */
  suspectAt(): number;
  /** `goneAfter` has passed since the first unanswered probe, and at least ten were sent. */
  gone(now: number): boolean;
  probes(): number;
  /** It has been silent for long in all, with something pending, whenever the transport was up; never for long enough at once to be suspect. */
  mute(): boolean;
}

export interface ProbeDue {
  readonly probe: boolean;
  readonly ping: boolean;
  readonly askCredit: boolean;
}

const nothing: ProbeDue = { probe: false, ping: false, askCredit: false };
const never = Number.POSITIVE_INFINITY;
/** A relay that starts again leaves peers silent for a moment before and after: that alone is not worth a handshake of each link. */
const muteTimes = 3;

interface ProbeOptions {
  readonly pace: Pace;
  readonly goneAfterMs: number;
}

class LinkProbe implements Probe {
  readonly #pace: Pace;
  readonly #goneAfterMs: number;
  #probes = 0;
  #firstProbeAt = never;
  #lastProbeAt = Number.NEGATIVE_INFINITY;
  /** Unanswered probing before the transport was down. */
  #silentBefore = 0;
  #lastSentAt = Number.NEGATIVE_INFINITY;
  #lastHeardAt = Number.NEGATIVE_INFINITY;
  /** Since when something has been waiting for an acknowledgement without a word from the peer. */
  #waitingSince = never;
  /** The same, before the transport was down. */
  #waitedBefore = 0;
  #asks = 0;
  #askFrom = never;

  constructor({ pace, goneAfterMs }: ProbeOptions) {
    this.#pace = pace;
    this.#goneAfterMs = goneAfterMs;
  }

  heard(now: number): void {
    this.#lastHeardAt = now;
    this.#probes = 0;
    this.#firstProbeAt = never;
    this.#silentBefore = 0;
    this.#waitedBefore = 0;
    if (this.#waitingSince !== never) this.#waitingSince = now;
  }

  sent(now: number): void {
    this.#lastSentAt = now;
    if (this.#waitingSince === never) this.#waitingSince = now;
  }

  update(outstanding: boolean): void {
    if (outstanding) return;
    this.#waitingSince = never;
    this.#waitedBefore = 0;
  }

  blocked(blocked: boolean, now: number): void {
    if (blocked && this.#askFrom === never) this.#askFrom = now;
    if (blocked) return;
    this.#askFrom = never;
    this.#asks = 0;
  }

  pause(now: number): void {
    if (this.#waitingSince < now) this.#waitedBefore += now - this.#waitingSince;
  }

  restart(now: number): void {
    if (this.#firstProbeAt !== never) {
      this.#silentBefore += this.#lastProbeAt - this.#firstProbeAt;
      this.#firstProbeAt = now;
    }
    this.#lastProbeAt = now;
    this.#lastSentAt = now;
    if (this.#waitingSince !== never) this.#waitingSince = now;
  }

  deadline(outstanding: boolean, awaiting: boolean): number {
    return Math.min(this.#askAt(), outstanding ? this.#probeAt() : this.#pingAt(awaiting));
  }

  tick(now: number, outstanding: boolean, awaiting: boolean): ProbeDue {
    const askCredit = now >= this.#askAt();
    const probe = outstanding && now >= this.#probeAt();
    const ping = !outstanding && now >= this.#pingAt(awaiting);
    if (askCredit) {
      this.#asks++;
      this.#askFrom = now;
    }
    if (probe) {
      this.#probes++;
      this.#lastProbeAt = now;
      if (this.#firstProbeAt === never) this.#firstProbeAt = now;
    }
    return probe || ping || askCredit ? { probe, ping, askCredit } : nothing;
  }

  suspectAt(): number {
    return this.#waitingSince + this.#suspectAfter();
  }

  gone(now: number): boolean {
    return this.#probes >= limits.goneProbesMin && this.#silentBefore + now - this.#firstProbeAt >= this.#goneAfterMs;
  }

  probes(): number {
    return this.#probes;
  }

  mute(): boolean {
    return this.#waitedBefore >= muteTimes * this.#suspectAfter();
  }

  #suspectAfter(): number {
    return Math.max(limits.suspectMinMs, 2 * this.#pace.probeAfter());
  }

  /** From the last thing sent (RFC 9002, 6.2.1), but a peer that says nothing at all is asked even while more is being sent. */
  #probeAt(): number {
    // Back-off ends here, so that twenty probes fit into `goneAfter`.
    const slowest = Math.max(limits.probeMinMs, Math.min(1_000, this.#goneAfterMs / (2 * limits.goneProbesMin)));
    return Math.min(this.#lastSentAt, Math.max(this.#waitingSince, this.#lastProbeAt)) + this.#backedOff(this.#probes, slowest);
  }

  #askAt(): number {
    return this.#askFrom === never ? never : this.#askFrom + this.#backedOff(this.#asks, 1_000);
  }

  #pingAt(awaiting: boolean): number {
    const silence = awaiting ? Math.min(limits.pingEveryMs, Math.max(limits.awaitingPingMinMs, this.#goneAfterMs / 6)) : limits.pingEveryMs;
    return Math.max(this.#lastHeardAt, this.#lastSentAt) + silence;
  }

  #backedOff(times: number, most: number): number {
    return times === 0 ? this.#pace.probeAfter() : Math.min(this.#pace.probeAfter() * 2 ** Math.min(times, 10), most);
  }
}

export const createProbe = (options: ProbeOptions): Probe => new LinkProbe(options);
