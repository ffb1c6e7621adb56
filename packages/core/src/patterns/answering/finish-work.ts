import { TightbeamError } from "../../errors.js";
import type { Links } from "../../link/links-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Caller } from "../asking/caller-types.js";
import type { PatternPart } from "../host.js";
import type { Server } from "./server-types.js";

export interface Working {
  readonly runtime: Runtime;
  readonly server: Pick<Server, "drain" | "idle">;
  readonly caller: Pick<Caller, "idle">;
  readonly parts: readonly PatternPart[];
  readonly links: Pick<Links, "leaveGroup" | "list">;
}

/** An agent that is about to close takes no more, and finishes what it has taken, for at most so many ms. */
export async function finishWork({ runtime, server, caller, parts, links }: Working, most: number): Promise<void> {
  server.drain();
  void links.leaveGroup();
  const busy = new TightbeamError("overloaded", "This agent is closing and takes no more.", { retryAfter: 0 });
  const quiet = Promise.all([server.idle(), caller.idle(), ...parts.map((part) => part.drain?.(busy))]).then(() =>
    Promise.all(links.list().map((link) => link.drained())),
  );
  let cancel: (() => void) | undefined;
  await Promise.race([quiet, new Promise((resolve) => (cancel = runtime.timers.after(most, () => resolve(undefined))))]);
  cancel?.();
}
