import type { Identity } from "@tightbeam/core/identity";
import type { Runtime } from "@tightbeam/core/transport";
import { type Line, relayCredential } from "./dial.js";
import { encodeFrame, frameType, noBytes, type Welcome } from "./protocol.js";

/** The part of the relay's leave after which a newer token is asked for. Identities renew at two thirds of a token's lifetime. */
const renewAt = 0.75;
const askAgainMs = 30_000;

export interface Renewal {
  /** The relay's answer to RENEW. */
  renewed(welcome: Welcome): void;
  stop(): void;
}

/** Keeps a line's login alive: sends RENEW on the same socket whenever the identity has a newer token. A failure is left to the relay, which ends the line at expiry. */
export function keepRenewed(line: Line, identity: Identity, origin: string, runtime: Runtime, nextNumber: () => number): Renewal {
  const { timers, clock } = runtime;
  let endsAt = clock.monotonic() + line.welcome.authorisedMs;
  let stopped = false;
  let running = false;
  let cancel = () => {};

  const schedule = (ms: number) => {
    cancel();
    if (!stopped) cancel = timers.after(ms, () => void renew(), { background: true });
  };
  const soon = () => schedule(Math.max(1_000, Math.min(askAgainMs, (endsAt - clock.monotonic()) / 8)));
  const renew = async () => {
    if (running || stopped) return;
    running = true;
    try {
      const fresh = await relayCredential(identity, origin);
      if (fresh.token !== line.token && !stopped) {
        const body = await line.renewal(fresh);
        if (!stopped) {
          line.token = fresh.token;
          line.wire.send(encodeFrame(frameType.renew, nextNumber(), noBytes, body));
        }
      }
    } catch {
      // No newer token now; the identity reports its failures itself, and it is asked again below.
    } finally {
      running = false;
    }
    soon();
  };
  const unlisten = identity.onRenewal?.((event) => {
    if (event.type === "renewed" && event.audience === origin) void renew();
  });
  schedule(line.welcome.authorisedMs * renewAt);

  return {
    renewed(welcome) {
      endsAt = clock.monotonic() + welcome.authorisedMs;
      schedule(welcome.authorisedMs * renewAt);
    },
    stop() {
      stopped = true;
      cancel();
      unlisten?.();
    },
  };
}
