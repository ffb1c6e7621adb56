// engine.ts for bundles that run in browsers.

export const leastBytes = 4 * 1024;

export const unfilled = (length: number): Uint8Array => new Uint8Array(length);

export const pooled = (length: number): Uint8Array => new Uint8Array(length);

/** Only Node's V8 tells of itself; in a page nobody can say what counts how. */
export const rejuvenate = (_bytes: number): void => undefined;

type Movable = ArrayBufferLike & { transfer?(length: number): ArrayBuffer };

export const findDetach = () => (buffer: ArrayBufferLike) => void (buffer as Movable).transfer?.(0);
