/** Copies of values, side by side in few large buffers: LMDB asks for the address of each buffer once, and the collector has less to do. */
export interface Copier {
  copy(value: Uint8Array): Uint8Array;
  /** Nobody reads this copy any more: where it was large, its memory is used again. */
  free(copied: Uint8Array): void;
}

const pieceBytes = 128 * 1024;
/** Larger values get a buffer of their own. */
const sharedMax = 16 * 1024;
/** Such buffers that are kept for the next values, and how large they may be: V8 counts their bytes towards its dear collection, of the whole heap. */
const spareMax = 4;
const spareBytes = 1024 * 1024;

export function createCopier(): Copier {
  let piece = Buffer.allocUnsafeSlow(pieceBytes);
  let used = 0;
  const spare: Buffer[] = [];

  const alone = (value: Uint8Array): Uint8Array => {
    const at = spare.findIndex((each) => each.length >= value.length);
    const whole = at >= 0 ? (spare.splice(at, 1)[0] as Buffer) : Buffer.allocUnsafeSlow(Math.ceil(value.length / pieceBytes) * pieceBytes);
    whole.set(value);
    return whole.subarray(0, value.length);
  };

  return {
    copy(value) {
      const length = value.length;
      if (length > sharedMax) return alone(value);
      if (used + length > pieceBytes) {
        piece = Buffer.allocUnsafeSlow(pieceBytes);
        used = 0;
      }
      piece.set(value, used);
      used += length;
      return piece.subarray(used - length, used);
    },
    free({ length, buffer }) {
      if (length > sharedMax && buffer.byteLength <= spareBytes && spare.length < spareMax) spare.push(Buffer.from(buffer));
    },
  };
}
