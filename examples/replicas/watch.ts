// What the caller's agent says about its links while the workers come and go.
import type { Agent } from "@tightbeam/core";

export interface Watch {
  /** How many ms after `since` the link with this instance was in the state, or had ended: 0 when it was already. */
  until(instance: string, state: "up" | "suspect" | "ended", since: number): Promise<number>;
  /** Requests that were sent again to another worker, by method. */
  readonly moved: ReadonlyMap<string, number>;
}

export function watchLinks(caller: Agent): Watch {
  const seen: { readonly instance: string; readonly state: string; readonly at: number }[] = [];
  const moved = new Map<string, number>();
  caller.onEvent((event) => {
    if (event.type === "moved") moved.set(event.method, (moved.get(event.method) ?? 0) + 1);
    if (event.type === "link") seen.push({ instance: event.link.peer.instance, state: event.state, at: performance.now() });
  });
  return {
    moved,
    async until(instance, state, since) {
      for (;;) {
        const own = seen.filter((one) => one.instance === instance);
        const before = own.findLast(({ at }) => at < since);
        const found = before?.state === state ? before : own.find((one) => one.at >= since && (one.state === state || one.state === "ended"));
        if (found !== undefined) return Math.max(0, found.at - since);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}
