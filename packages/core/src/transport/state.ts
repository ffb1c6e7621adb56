import type { StateChange, TransportError, TransportState } from "./transport.js";

/** The `state` member of a transport and the only way to move it. `up` when up and `down` when down say nothing and are not told. */
export function createTransportState(initial: "up" | "down"): { readonly state: TransportState; change(change: StateChange): void } {
  let current = initial;
  const listeners = new Set<{ readonly call: (change: StateChange) => void }>();
  return {
    state: {
      get current() {
        return current;
      },
      subscribe(call) {
        const listener = { call };
        listeners.add(listener);
        return () => {
          listeners.delete(listener);
        };
      },
    },
    change(change) {
      if (change.type === current) return;
      if (change.type === "up" || change.type === "down") current = change.type;
      for (const listener of [...listeners]) {
        try {
          listener.call(change);
        } catch {
          // A listener that throws must not keep the news from the others, nor reach the medium.
        }
      }
    },
  };
}

/** The `closed` member of a transport and its settling. */
export interface Closed {
  readonly closed: Promise<TransportError | undefined>;
  readonly settled: boolean;
  /** Settles `closed`. The first call wins; true when this was it. */
  settle(cause?: TransportError): boolean;
}

export function createClosed(): Closed {
  let settled = false;
  let resolve: (cause: TransportError | undefined) => void;
  const closed = new Promise<TransportError | undefined>((settle) => {
    resolve = settle;
  });
  return {
    closed,
    get settled() {
      return settled;
    },
    settle(cause) {
      if (settled) return false;
      settled = true;
      resolve(cause);
      return true;
    },
  };
}
