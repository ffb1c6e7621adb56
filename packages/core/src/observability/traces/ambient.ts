/** What the code that runs now belongs to, across its awaits. */
export interface Ambient<T> {
  readonly current: T | undefined;
  run<R>(value: T, work: () => R): R;
  /** What was run is over: call it once for each `run`. */
  over(): void;
}

interface Storage<T> {
  getStore(): T | undefined;
  run<R>(value: T, work: () => R): R;
  disable?(): void;
}

type Platform = {
  readonly process?: {
    readonly versions?: { readonly node?: string };
    getBuiltinModule?: (name: string) => { readonly AsyncLocalStorage?: new <T>() => Storage<T> } | undefined;
  };
};

/** The first version in which AsyncLocalStorage costs nothing beside those who use it. */
const cheapSince = 24;

/**
 * AsyncLocalStorage where the platform has it (Node, Deno, Bun); undefined elsewhere, as in browsers. Before Node 24 it makes every promise of the
 * process dearer while it is in use (half of what a small request costs): there it is put out of use when nothing runs in it.
 */
export function createAmbient<T>(platform: Platform = globalThis as Platform): Ambient<T> | undefined {
  const storage = storageOf<T>(platform);
  if (storage === undefined) return undefined;
  const isCheap = Number.parseInt(platform.process?.versions?.node ?? `${cheapSince}`, 10) >= cheapSince;
  let running = 0;
  return {
    get current() {
      return storage.getStore();
    },
    run(value, work) {
      running++;
      return storage.run(value, work);
    },
    over() {
      running--;
      if (running === 0 && !isCheap) storage.disable?.();
    },
  };
}

function storageOf<T>({ process }: Platform): Storage<T> | undefined {
  try {
    const { AsyncLocalStorage } = process?.getBuiltinModule?.("node:async_hooks") ?? {};
    return AsyncLocalStorage === undefined ? undefined : new AsyncLocalStorage<T>();
  } catch {
    return undefined;
  }
}
