import type { Runtime } from "../../runtime/runtime.js";
import type { SecurityMoment, TelemetryEvent } from "../../telemetry/types.js";

/** What somebody on the network can cause as often as he likes: told the first time, and then once a second with how often. */
export interface SecurityCounts {
  count(what: SecurityMoment["what"], reason: string, peer?: SecurityPeer, times?: number): void;
  end(): void;
}

interface SecurityPeer {
  readonly id: string;
  /** There where the peer is authenticated. */
  readonly instance?: string;
}

interface Counted {
  count: number;
  /** Undefined: of several. */
  peer: SecurityPeer | undefined;
  cancel: () => void;
}

const everyMs = 1_000;
/** There are some fifty reasons. */
const reasonsMax = 128;

export function createSecurityCounts({ clock, timers }: Runtime, emit: (event: TelemetryEvent) => void): SecurityCounts {
  const counts = new Map<string, Counted>();

  const tell = (what: SecurityMoment["what"], reason: string, count: number, peer: SecurityPeer | undefined): void => {
    const who = peer === undefined ? {} : { peer: peer.id, ...(peer.instance === undefined ? {} : { instance: peer.instance }) };
    emit({ kind: "security", at: clock.wall(), what, ...who, reason, count });
  };

  const rest = (key: string, what: SecurityMoment["what"], reason: string): (() => void) =>
    timers.after(
      everyMs,
      () => {
        const entry = counts.get(key);
        if (entry === undefined || entry.count === 0) return void counts.delete(key);
        tell(what, reason, entry.count, entry.peer);
        entry.count = 0;
        entry.cancel = rest(key, what, reason);
      },
      { background: true },
    );

  return {
    count(what, given, peer, times = 1) {
      const reason = counts.size >= reasonsMax && !counts.has(`${what} ${given}`) ? "other" : given;
      const key = `${what} ${reason}`;
      const known = counts.get(key);
      if (known === undefined) {
        counts.set(key, { count: 0, peer, cancel: rest(key, what, reason) });
        return tell(what, reason, times, peer);
      }
      if (known.count === 0) known.peer = peer;
      else if (known.peer?.id !== peer?.id || known.peer?.instance !== peer?.instance) known.peer = undefined;
      known.count += times;
    },
    end() {
      for (const { cancel } of counts.values()) cancel();
      counts.clear();
    },
  };
}

/** What a counter of handshakes says of whoever sent the frame. */
export const natureOf = (reason: string): SecurityMoment["what"] => natures.get(reason) ?? "refused";

const natures = new Map<string, SecurityMoment["what"]>([
  ["no_session", "unknown_key"],
  ["invalid_token", "unknown_key"],
  ["hs1_key", "forged"],
  ["hs2_auth", "forged"],
  ["hs3_auth", "forged"],
  ["data_auth", "forged"],
  ["ready_hash", "forged"],
  ["cookie", "forged"],
  ["retry_cookie", "forged"],
  ["late_hs2", "replayed"],
  ["late_hs3", "replayed"],
  ["late_retry", "replayed"],
  ["no_common_suite", "downgrade"],
  ["retried_suite", "downgrade"],
  ["retry_suite", "downgrade"],
  ["suites_changed", "downgrade"],
]);
