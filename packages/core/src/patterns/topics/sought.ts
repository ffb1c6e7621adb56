import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { PatternHost } from "../host.js";

/** Agents that subscriptions name: they are dialled, and again when no link with them is left. */
export interface Sought {
  add(id: string): void;
  remove(id: string): void;
  linkEnded(link: Link): void;
  stop(): void;
}

interface Entry {
  /** Subscriptions that name it. */
  count: number;
  dialling: boolean;
  /** ms until the next try, doubled with each that failed. */
  pause: number;
  cancel: (() => void) | undefined;
}

export function createSought(host: Pick<PatternHost, "links" | "runtime">): Sought {
  const { runtime } = host;
  const entries = new Map<string, Entry>();

  const dial = (id: string, entry: Entry): void => {
    entry.cancel = undefined;
    if (entry.dialling || host.links.list(id).length > 0) return;
    entry.dialling = true;
    host.links.connect({ id }, { timeout: limits.requestTimeoutMs }).then(
      () => {
        entry.dialling = false;
        entry.pause = limits.topicAskAgainMs;
        // It may have gone again before this was said.
        if (entries.get(id) === entry && host.links.list(id).length === 0) later(id, entry);
      },
      () => {
        entry.dialling = false;
        if (entries.get(id) === entry) later(id, entry);
      },
    );
  };

  const later = (id: string, entry: Entry): void => {
    if (entry.cancel !== undefined || entry.dialling) return;
    const [chance = 0] = runtime.random.bytes(1);
    const pause = entry.pause * (0.75 + chance / 512);
    entry.pause = Math.min(entry.pause * 2, limits.topicDialMaxMs);
    entry.cancel = runtime.timers.after(pause, () => dial(id, entry), { background: true });
  };

  return {
    add(id) {
      const known = entries.get(id);
      if (known !== undefined) {
        known.count++;
        return;
      }
      const entry: Entry = { count: 1, dialling: false, pause: limits.topicAskAgainMs, cancel: undefined };
      entries.set(id, entry);
      dial(id, entry);
    },
    remove(id) {
      const entry = entries.get(id);
      if (entry === undefined || --entry.count > 0) return;
      entry.cancel?.();
      entries.delete(id);
    },
    linkEnded({ peer: { id } }) {
      const entry = entries.get(id);
      if (entry !== undefined) later(id, entry);
    },
    stop() {
      for (const { cancel } of entries.values()) cancel?.();
      entries.clear();
    },
  };
}
