/** Copies of values, side by side in few large buffers: LMDB asks for the address of each buffer once, and the collector has less to do. */
export interface Copier {
  copy(value: Uint8Array): Uint8Array;
}

const pieceBytes = 128 * 1024;
/** Larger values get a buffer of their own. */
const sharedMax = 16 * 1024;

export function createCopier(): Copier {
  let piece = Buffer.allocUnsafeSlow(pieceBytes);
  let used = 0;
  return {
    copy(value) {
      const length = value.length;
      if (length > sharedMax) return Buffer.from(value);
      if (used + length > pieceBytes) {
        piece = Buffer.allocUnsafeSlow(pieceBytes);
        used = 0;
      }
      piece.set(value, used);
      used += length;
      return piece.subarray(used - length, used);
    },
  };
}
