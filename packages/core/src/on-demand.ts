import { TightbeamError } from "./errors.js";

/**
 * A part of core that is loaded on first use and kept: even a repeated `import()` costs as much as a signature. What fails is tried again
 * with the next use, and rejects with `unavailable`: a page may be offline, or its server may have replaced the files.
 */
export function onDemand<Part>(load: () => Promise<Part>): () => Promise<Part> {
  let part: Promise<Part> | undefined;
  return () => {
    part ??= load().catch((cause: unknown) => {
      part = undefined;
      throw new TightbeamError("unavailable", "A part of this program could not be loaded: is this page offline, or old? See the cause.", {
        cause,
      });
    });
    return part;
  };
}
