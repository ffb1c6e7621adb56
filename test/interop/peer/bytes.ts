/** Integers, strings and lengths as docs/protocol.md writes them, and a reader that refuses what is too short or left over. */

export type Bytes = Uint8Array;

export const join = (...parts: readonly Bytes[]): Bytes => new Uint8Array(Buffer.concat(parts));
export const ascii = (text: string): Bytes => new Uint8Array(Buffer.from(text, "latin1"));
export const utf8 = (text: string): Bytes => new Uint8Array(Buffer.from(text, "utf8"));
export const hex = (bytes: Bytes): string => Buffer.from(bytes).toString("hex");
export const fromHex = (text: string): Bytes => new Uint8Array(Buffer.from(text, "hex"));
export const base64url = (bytes: Bytes): string => Buffer.from(bytes).toString("base64url");
export const same = (a: Bytes, b: Bytes): boolean => Buffer.compare(a, b) === 0;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
export const text = (bytes: Bytes): string => strict.decode(bytes);

/** What the page calls u8, u16, u32, u48 and u64: big-endian, and refused when it does not fit. */
export function uint(value: number | bigint, size: number): Bytes {
  const out = new Uint8Array(size);
  let rest = BigInt(value);
  for (let at = size - 1; at >= 0; at--) {
    out[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new Error(`${value} does not fit into ${size} bytes`);
  return out;
}

/** `L(x)` and `L8(x)`. */
export const L = (bytes: Bytes): Bytes => join(uint(bytes.length, 2), bytes);
export const L8 = (bytes: Bytes): Bytes => join(uint(bytes.length, 1), bytes);

export interface Reader {
  readonly left: number;
  take(count: number): Bytes;
  uint(size: number): number;
  l(): Bytes;
  l8(): Bytes;
  rest(): Bytes;
  /** Refuses what is left over. */
  end(): void;
}

export function read(bytes: Bytes): Reader {
  let at = 0;
  const take = (count: number): Bytes => {
    if (bytes.length - at < count) throw new Error("too short");
    at += count;
    return bytes.slice(at - count, at);
  };
  const reader: Reader = {
    get left() {
      return bytes.length - at;
    },
    take,
    uint: (size) => take(size).reduce((value, byte) => value * 256 + byte, 0),
    l: () => take(reader.uint(2)),
    l8: () => take(reader.uint(1)),
    rest: () => take(bytes.length - at),
    end() {
      if (at !== bytes.length) throw new Error("bytes left over");
    },
  };
  return reader;
}
