/** Calls every listener; what one throws never reaches the others or the caller. */
export interface Emitter<E> {
  emit(event: E): void;
  on(listener: (event: E) => void): () => void;
  readonly listened: boolean;
}

export function createEmitter<E>(): Emitter<E> {
  const listeners = new Set<(event: E) => void>();
  return {
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch {
          // A listener only watches: its failure must not change what it watches.
        }
      }
    },
    on(listener) {
      const own = (event: E): void => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    get listened() {
      return listeners.size > 0;
    },
  };
}
