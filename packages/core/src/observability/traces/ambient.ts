/** What the code that runs now belongs to, across its awaits. */
export interface Ambient<T> {
  readonly current: T | undefined;
  run<R>(value: T, work: () => R): R;
}

interface Storage<T> {
  getStore(): T | undefined;
  run<R>(value: T, work: () => R): R;
}

type Platform = {
  readonly process?: { getBuiltinModule?: (name: string) => { readonly AsyncLocalStorage?: new <T>() => Storage<T> } | undefined };
};

/** AsyncLocalStorage where the platform has it (Node, Deno, Bun); undefined elsewhere, as in browsers. */
export function createAmbient<T>(platform: Platform = globalThis as Platform): Ambient<T> | undefined {
  const storage = storageOf<T>(platform);
  if (storage === undefined) return undefined;
  return {
    get current() {
      return storage.getStore();
    },
    run: (value, work) => storage.run(value, work),
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
