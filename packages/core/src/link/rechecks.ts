import { TightbeamError } from "../errors.js";
import type { Trust } from "../identity/types.js";
import { limits } from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import type { LinkEnd } from "./link-types.js";

/** Revoked tokens and removed issuer keys end live links within a minute (PROTOCOL 2). */
export function startRechecks(options: { runtime: Runtime; trust: Trust; links: () => readonly LinkEnd[]; isClosed: () => boolean }): void {
  const { runtime, trust } = options;
  const check = async (link: LinkEnd): Promise<void> => {
    try {
      await trust.recheck(link.peer.token, { now: runtime.clock.wall() });
    } catch (cause) {
      const error = cause instanceof TightbeamError ? cause : new TightbeamError("invalid_token", "The peer's token could not be checked again.", { cause });
      // An issuer that cannot be reached proves nothing against the peer: its token still runs out by itself.
      if (error.code !== "issuer_unavailable") link.end(error, error.code);
    }
  };
  const round = (): void => {
    if (options.isClosed()) return;
    for (const link of options.links()) void check(link);
    runtime.timers.after(limits.recheckMs, round, { background: true });
  };
  runtime.timers.after(limits.recheckMs, round, { background: true });
}
