/** Told once when a signal fires. */
type Listener = () => void;

/**
 * Many operations wait for one signal, and have one listener on it together: with one each Node warns of a leak beyond ten, and every end
 * of an operation searches all of them.
 */
export interface SignalWatch {
  /** `signal` has not fired. Returns a function that ends it; idempotent. */
  on(signal: AbortSignal, listener: Listener): () => void;
}

export function createSignalWatch(): SignalWatch {
  const watched = new Map<AbortSignal, { readonly listeners: Set<Listener>; readonly fire: () => void }>();

  const watch = (signal: AbortSignal) => {
    const known = watched.get(signal);
    if (known !== undefined) return known;
    const listeners = new Set<Listener>();
    const fire = (): void => {
      watched.delete(signal);
      for (const listener of listeners) {
        listeners.delete(listener);
        listener();
      }
    };
    const made = { listeners, fire };
    watched.set(signal, made);
    signal.addEventListener("abort", fire, { once: true });
    return made;
  };

  return {
    on(signal, listener) {
      const { listeners, fire } = watch(signal);
      const own = (): void => listener();
      listeners.add(own);
      return () => {
        if (!listeners.delete(own) || listeners.size > 0 || watched.get(signal)?.listeners !== listeners) return;
        watched.delete(signal);
        signal.removeEventListener("abort", fire);
      };
    },
  };
}
