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

/** Those who wait for one signal, in their order. Whoever leaves points nowhere: else, once one is old, all after it outlive the cheap collections (see open-table.ts). */
class Watched {
  first: Waiting | undefined;
  last: Waiting | undefined;

  add(listener: Listener): Waiting {
    const { last } = this;
    const waiting: Waiting = { listener, before: last, after: undefined };
    if (last === undefined) this.first = waiting;
    else last.after = waiting;
    this.last = waiting;
    return waiting;
  }

  /** False: it has left, or was told. */
  remove(waiting: Waiting): boolean {
    if (waiting.listener === undefined) return false;
    const { before, after } = waiting;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    waiting.listener = undefined;
    waiting.before = undefined;
    waiting.after = undefined;
    return true;
  }
}

interface Waiting {
  /** Until it has left. */
  listener: Listener | undefined;
  before: Waiting | undefined;
  after: Waiting | undefined;
}

export function createSignalWatch(): SignalWatch {
  const watched = new Map<AbortSignal, { readonly all: Watched; readonly fire: () => void }>();

  const watch = (signal: AbortSignal) => {
    const known = watched.get(signal);
    if (known !== undefined) return known;
    const all = new Watched();
    const fire = (): void => {
      watched.delete(signal);
      for (let { first } = all; first !== undefined; { first } = all) {
        const { listener } = first;
        all.remove(first);
        listener?.();
      }
    };
    const made = { all, fire };
    watched.set(signal, made);
    signal.addEventListener("abort", fire, { once: true });
    return made;
  };

  return {
    on(signal, listener) {
      const { all, fire } = watch(signal);
      const own = all.add(listener);
      return () => {
        if (!all.remove(own) || all.first !== undefined || watched.get(signal)?.all !== all) return;
        watched.delete(signal);
        signal.removeEventListener("abort", fire);
      };
    },
  };
}
