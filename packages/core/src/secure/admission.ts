import { parseInbox } from "../transport/address.js";
import type { HandshakeLimits } from "./context.js";

/**
 * Who may have a pending handshake here. Above half of the table everyone needs a cookie, and so does a source that
 * already has its share without one: a name anybody can write into a frame must not lock its owner out.
 * Sources whose cookie was right have a share of their own.
 */
export interface Admission {
  needsCookie(replyTo: string): boolean;
  /** Why there is no room, or the function that gives the place back. All instances of an agent count together. */
  enter(replyTo: string, proved: boolean): "table_full" | "source_full" | (() => void);
  readonly pending: number;
}

export function createAdmission(limits: Pick<HandshakeLimits, "handshakesPending" | "handshakesPendingPerSource">): Admission {
  const { handshakesPending: max, handshakesPendingPerSource: share } = limits;
  const counts = new Map<string, number>();
  let pending = 0;
  const sourceOf = (replyTo: string, proved: boolean): string => `${proved ? "+" : "-"}${parseInbox(replyTo)?.agentId ?? ""}`;
  return {
    get pending() {
      return pending;
    },
    needsCookie: (replyTo) => pending >= max / 2 || (counts.get(sourceOf(replyTo, false)) ?? 0) >= share,
    enter(replyTo, proved) {
      if (pending >= max) return "table_full";
      const source = sourceOf(replyTo, proved);
      const count = counts.get(source) ?? 0;
      if (count >= share) return "source_full";
      counts.set(source, count + 1);
      pending += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        pending -= 1;
        const now = (counts.get(source) ?? 1) - 1;
        if (now === 0) counts.delete(source);
        else counts.set(source, now);
      };
    },
  };
}
