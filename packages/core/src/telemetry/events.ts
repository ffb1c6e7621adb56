import { TightbeamError } from "../errors.js";

/** Calls every listener; what one throws, or an async one rejects with, never reaches the others or the caller. */
export interface Emitter<E> {
  emit(event: E): void;
  /** Returns a function that ends it. Throws `invalid_argument`. */
  on(listener: (event: E) => unknown): () => void;
  readonly listened: boolean;
}

export function createEmitter<E>(): Emitter<E> {
  const listeners = new Set<(event: E) => void>();
  return {
    emit(event) {
      // Who begins to listen meanwhile hears of the next one: a listener that leaves and comes back each time would be told for ever.
      let left = listeners.size;
      for (const listener of listeners) {
        if (left-- === 0) return;
        listener(event);
      }
    },
    on(listener) {
      const own = isolated(listener);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    get listened() {
      return listeners.size > 0;
    },
  };
}

/** A listener whose failure reaches nobody. Throws `invalid_argument`. */
export function isolated<E>(listener: (event: E) => unknown): (event: E) => void {
  if (typeof listener !== "function") throw new TightbeamError("invalid_argument", "A listener is a function.");
  return (event) => {
    try {
      const result = listener(event);
      if (result instanceof Promise) result.catch(() => undefined);
    } catch {
      // A listener only watches: its failure must not change what it watches.
    }
  };
}
