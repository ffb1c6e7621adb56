import { limits } from "../limits.js";
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
  /** The transport has come back: the time it was down does not count as silence. */
  restart(now: number): void;
  deadline(outstanding: boolean): number;
  tick(now: number, outstanding: boolean): ProbeDue;
  /** Something was pending and the peer silent for the larger of 1 s and two probe timers. */
  suspect(now: number): boolean;
  /** `goneAfter` has passed since the first unanswered probe, and at least ten were sent. */
  gone(now: number): boolean;
  probes(): number;
}

export interface ProbeDue {
  readonly probe: boolean;
  readonly ping: boolean;
  readonly askCredit: boolean;
}

const nothing: ProbeDue = { probe: false, ping: false, askCredit: false };
const never = Number.POSITIVE_INFINITY;

export function createProbe({ pace, goneAfterMs }: { readonly pace: Pace; readonly goneAfterMs: number }): Probe {
  /** Back-off ends here, so that twenty probes fit into `goneAfter`. */
  const slowest = Math.max(limits.probeMinMs, Math.min(1_000, goneAfterMs / (2 * limits.goneProbesMin)));
  let probes = 0;
  let firstProbeAt = never;
  let lastProbeAt = Number.NEGATIVE_INFINITY;
  /** Unanswered probing before the transport was down. */
  let silentBefore = 0;
  let lastSentAt = Number.NEGATIVE_INFINITY;
  let lastHeardAt = Number.NEGATIVE_INFINITY;
  /** Since when something has been waiting for an acknowledgement without a word from the peer. */
  let waitingSince = never;
  let asks = 0;
  let askFrom = never;

  const backedOff = (times: number, most: number): number => (times === 0 ? pace.probeAfter() : Math.min(pace.probeAfter() * 2 ** Math.min(times, 10), most));
  /** From the last thing sent (RFC 9002, 6.2.1), but a peer that says nothing at all is asked even while more is being sent. */
  const probeAt = (): number => Math.min(lastSentAt, Math.max(waitingSince, lastProbeAt)) + backedOff(probes, slowest);
  const askAt = (): number => askFrom + backedOff(asks, 1_000);
  const pingAt = (): number => Math.max(lastHeardAt, lastSentAt) + limits.pingEveryMs;

  return {
    heard(now) {
      lastHeardAt = now;
      probes = 0;
      firstProbeAt = never;
      silentBefore = 0;
      if (waitingSince !== never) waitingSince = now;
    },
    sent(now) {
      lastSentAt = now;
      if (waitingSince === never) waitingSince = now;
    },
    update(outstanding) {
      if (!outstanding) waitingSince = never;
    },
    blocked(blocked, now) {
      if (blocked && askFrom === never) askFrom = now;
      if (blocked) return;
      askFrom = never;
      asks = 0;
    },
    restart(now) {
      if (firstProbeAt !== never) {
        silentBefore += Math.max(0, lastProbeAt - firstProbeAt);
        firstProbeAt = now;
      }
      lastProbeAt = now;
      lastSentAt = now;
      if (waitingSince !== never) waitingSince = now;
    },
    deadline: (outstanding) => Math.min(askAt(), outstanding ? probeAt() : pingAt()),
    tick(now, outstanding) {
      const askCredit = now >= askAt();
      const probe = outstanding && now >= probeAt();
      const ping = !outstanding && now >= pingAt();
      if (askCredit) {
        asks++;
        askFrom = now;
      }
      if (probe) {
        probes++;
        lastProbeAt = now;
        if (firstProbeAt === never) firstProbeAt = now;
      }
      return probe || ping || askCredit ? { probe, ping, askCredit } : nothing;
    },
    suspect: (now) => now - waitingSince >= Math.max(limits.suspectMinMs, 2 * pace.probeAfter()),
    gone: (now) => probes >= limits.goneProbesMin && silentBefore + now - firstProbeAt >= goneAfterMs,
    probes: () => probes,
  };
}
