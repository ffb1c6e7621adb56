/** What stays while there is room for nothing else: who is linked with, and who is being dialled. */
export interface Kept {
  readonly link: unknown;
  readonly dialling: boolean;
}

/** Who was heard of, by name: at most so many, the oldest stranger goes first. */
export interface HeardTable<E extends Kept> extends Iterable<[string, E]> {
  readonly size: number;
  get(name: string): E | undefined;
  /** False, and not kept, when there is no room and nobody who may go. */
  add(name: string, entry: E): boolean;
  remove(name: string): void;
}

export function createHeardTable<E extends Kept>(most: number): HeardTable<E> {
  const entries = new Map<string, E>();

  const oldestStranger = (): string | undefined => {
    for (const [name, { link, dialling }] of entries) if (link === undefined && !dialling) return name;
    return undefined;
  };

  return {
    get size() {
      return entries.size;
    },
    get: (name) => entries.get(name),
    add(name, entry) {
      if (entries.size >= most) {
        const oldest = oldestStranger();
        if (oldest === undefined) return false;
        entries.delete(oldest);
      }
      entries.set(name, entry);
      return true;
    },
    remove: (name) => void entries.delete(name),
    [Symbol.iterator]: () => entries.entries(),
  };
}
