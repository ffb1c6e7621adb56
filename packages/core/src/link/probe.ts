import { limits } from "../limits.js";
import type { Pace } from "./pace.js";

/** Asks the peer for a sign of life: when acknowledgements stay away, when the link is idle, when credit stays away. All times in ms. */
export interface Probe {
  /** An authenticated record came. */
  heard(now: number): void;
  /** Something went out that asks for an acknowledgement. */
  sent(now: number): void;
  /** After a record was read: nothing outstanding ends the waiting. */
  update(outstanding: boolean, now: number): void;
  creditCame(): void;
  /** Forget the silence so far: the transport has come back. */
  restart(now: number): void;
  deadline(outstanding: boolean, blocked: boolean): number;
  tick(now: number, outstanding: boolean, blocked: boolean): { probe: boolean; ping: boolean; askCredit: boolean };
  suspect(now: number): boolean;
  gone(now: number): boolean;
  readonly probes: number;
}

const nothing = { probe: false, ping: false, askCredit: false };

export function createProbe({ pace, goneAfterMs }: { readonly pace: Pace; readonly goneAfterMs: number }): Probe {
  /** Back-off ends here, so that at least ten probes fit into `goneAfter`. */
  const slowest = Math.max(limits.probeMinMs, Math.min(1_000, goneAfterMs / (2 * limits.goneProbesMin)));
  let probes = 0;
  let firstProbeAt = Number.POSITIVE_INFINITY;
  let lastSentAt = Number.NEGATIVE_INFINITY;
  let lastHeardAt = Number.NEGATIVE_INFINITY;
  /** Since when something has been waiting for an acknowledgement without a word from the peer. */
  let waitingSince = Number.POSITIVE_INFINITY;
  let asks = 0;
  let askedAt = Number.NEGATIVE_INFINITY;

  const interval = (): number => Math.min(pace.probeAfter * 2 ** Math.min(probes, 10), Math.max(slowest, probes === 0 ? pace.probeAfter : 0));
  const askInterval = (): number => Math.min(pace.probeAfter * 2 ** Math.min(asks, 10), 1_000);

  return {
    heard(now) {
      lastHeardAt = now;
      probes = 0;
      firstProbeAt = Number.POSITIVE_INFINITY;
      if (waitingSince !== Number.POSITIVE_INFINITY) waitingSince = now;
    },
    sent(now) {
      lastSentAt = now;
      if (waitingSince === Number.POSITIVE_INFINITY) waitingSince = now;
    },
    update(outstanding) {
      if (!outstanding) waitingSince = Number.POSITIVE_INFINITY;
    },
    creditCame() {
      asks = 0;
      askedAt = Number.NEGATIVE_INFINITY;
    },
    restart(now) {
      probes = 0;
      firstProbeAt = Number.POSITIVE_INFINITY;
      if (waitingSince !== Number.POSITIVE_INFINITY) waitingSince = now;
      lastSentAt = now;
    },
    deadline(outstanding, blocked) {
      const ask = blocked ? Math.max(askedAt, lastSentAt) + askInterval() : Number.POSITIVE_INFINITY;
      const idle = Math.max(lastHeardAt, lastSentAt) + limits.pingEveryMs;
      return Math.min(ask, outstanding ? lastSentAt + interval() : idle);
    },
    tick(now, outstanding, blocked) {
      const askCredit = blocked && now >= Math.max(askedAt, lastSentAt) + askInterval();
      if (askCredit) {
        asks++;
        askedAt = now;
      }
      if (outstanding) {
        if (now < lastSentAt + interval()) return askCredit ? { ...nothing, askCredit } : nothing;
        probes++;
        if (firstProbeAt === Number.POSITIVE_INFINITY) firstProbeAt = now;
        return { probe: true, ping: false, askCredit };
      }
      const ping = now >= Math.max(lastHeardAt, lastSentAt) + limits.pingEveryMs;
      return ping || askCredit ? { probe: false, ping, askCredit } : nothing;
    },
    suspect(now) {
      return now - waitingSince >= Math.max(limits.suspectMinMs, 2 * pace.probeAfter);
    },
    gone(now) {
      return probes >= limits.goneProbesMin && now - firstProbeAt >= goneAfterMs;
    },
    get probes() {
      return probes;
    },
  };
}
