import { TightbeamError } from "../errors.js";
import type { Trust } from "../identity/types.js";
import * as limits from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import type { LinkEnd } from "./link-types.js";

/** Revoked tokens and removed issuer keys end live links within a minute (PROTOCOL 2). Returns what stops it. */
export function startRechecks(options: { runtime: Runtime; trust: Trust; links: () => readonly LinkEnd[] }): () => void {
  const { runtime, trust } = options;
  const check = async (link: LinkEnd): Promise<void> => {
    const { token } = link.peer;
    try {
      await trust.recheck(token, { now: runtime.clock.wall() });
    } catch (cause) {
      const error = cause instanceof TightbeamError ? cause : new TightbeamError("invalid_token", "The peer's token could not be checked again.", { cause });
      // An issuer that cannot be reached proves nothing against the peer: its token still runs out by itself. Nor does a token that was renewed meanwhile.
      if (error.code !== "issuer_unavailable" && link.peer.token === token) link.end(error, error.code);
    }
  };
  const wait = (): (() => void) => runtime.timers.after(limits.recheckMs, round, { background: true });
  const round = (): void => {
    cancel = wait();
    for (const link of options.links()) void check(link);
  };
  let cancel = wait();
  return () => cancel();
}
