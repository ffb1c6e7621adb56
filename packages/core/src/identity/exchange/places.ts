import { TightbeamError } from "../../errors.js";

/** Requests that are worked on, of each source and of all. */
export interface Places {
  readonly size: number;
  /** Throws `overloaded`. The function gives the place back, once. */
  enter(source: string | undefined): () => void;
}

const retryAfter = 1_000;

export function createPlaces(max: number, maxPerSource: number): Places {
  const bySource = new Map<string, number>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    enter(source) {
      const own = source === undefined ? 0 : (bySource.get(source) ?? 0);
      if (size >= max || own >= maxPerSource) throw new TightbeamError("overloaded", "Too many requests are being worked on.", { retryAfter });
      size++;
      if (source !== undefined) bySource.set(source, own + 1);
      return () => {
        size--;
        if (source === undefined) return;
        const left = (bySource.get(source) ?? 1) - 1;
        if (left === 0) bySource.delete(source);
        else bySource.set(source, left);
      };
    },
  };
}
