import { TightbeamError } from "../../errors.js";

/** Which keys of which agents have a token that has not expired. */
export interface LiveKeys {
  readonly size: number;
  /** Throws `overloaded` when the agent, or all together, have too many others. Times are wall ms. */
  add(id: string, thumbprint: string, expiresAt: number, now: number): void;
}

/** Going through all of them is dear. */
const pruneEveryMs = 10_000;

export function createLiveKeys(perAgent: number, entriesMax: number): LiveKeys {
  const agents = new Map<string, Map<string, number>>();
  let size = 0;
  let prunedAt = Number.NEGATIVE_INFINITY;

  function prune(id: string, now: number): void {
    const keys = agents.get(id);
    if (keys === undefined) return;
    for (const [thumbprint, expiresAt] of keys) {
      if (expiresAt > now) continue;
      keys.delete(thumbprint);
      size--;
    }
    if (keys.size === 0) agents.delete(id);
  }

  return {
    get size() {
      return size;
    },
    add(id, thumbprint, expiresAt, now) {
      const known = agents.get(id)?.get(thumbprint);
      if (known === undefined) {
        prune(id, now);
        if ((agents.get(id)?.size ?? 0) >= perAgent)
          throw new TightbeamError("overloaded", `This agent has tokens for ${perAgent} keys: wait until some expire, or keep the key.`);
        if (size >= entriesMax && now - prunedAt >= pruneEveryMs) {
          prunedAt = now;
          for (const each of [...agents.keys()]) prune(each, now);
        }
        if (size >= entriesMax) throw new TightbeamError("overloaded", "Too many keys have tokens that have not expired.");
        size++;
      }
      const keys = agents.get(id) ?? new Map<string, number>();
      agents.set(id, keys);
      keys.set(thumbprint, Math.max(known ?? 0, expiresAt));
    },
  };
}
