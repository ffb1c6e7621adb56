import { TightbeamError } from "./errors.js";
import { counted } from "./under-way.js";

/** Loads a part of core, the first time it is called; the same promise from then on. Rejects with `unavailable`. */
export interface OnDemand<Part> {
  (): Promise<Part>;
  /** Undefined until it has been loaded. */
  readonly loaded?: Part;
}

/**
 * A part of core that is loaded on first use and kept: even a repeated `import()` costs as much as a signature. What fails is tried again
 * with the next use, and rejects with `unavailable`: a page may be offline, or its server may have replaced the files.
 */
export function onDemand<Part>(load: () => Promise<Part>): OnDemand<Part> {
  let part: Promise<Part> | undefined;
  const demand: { (): Promise<Part>; loaded?: Part } = () => {
    part ??= counted(load()).then(
      (loaded) => {
        demand.loaded = loaded;
        return loaded;
      },
      (cause: unknown) => {
        part = undefined;
        throw new TightbeamError("unavailable", "A part of this program could not be loaded: is this page offline, or old? See the cause.", {
          cause,
        });
      },
    );
    return part;
  };
  return demand;
}
