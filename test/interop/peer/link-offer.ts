import { ascii, type Bytes, join, read, uint } from "./bytes.js";
import { hmac, sha256 } from "./primitives.js";

/** docs/protocol.md, section 6.2: LINK, in message 3 and in READY. */

export interface Link {
  readonly half: Bytes;
  readonly generation: number;
  /** Next expected sequence of lanes 0 to 3. */
  readonly next: readonly number[];
  readonly mac?: Bytes;
}

export const writeLink = ({ half, generation, next, mac }: Link): Bytes =>
  join(half, uint(generation, 4), ...next.map((each) => uint(each, 6)), ...(mac === undefined ? [] : [mac]));

export function parseLink(bytes: Bytes): Link {
  if (bytes.length !== 60 && bytes.length !== 92) throw new Error("LINK");
  const input = read(bytes);
  const half = input.take(32);
  const generation = input.uint(4);
  const next = [0, 1, 2, 3].map(() => input.uint(6));
  return { half, generation, next, ...(input.left === 0 ? {} : { mac: input.rest() }) };
}

interface Side {
  readonly instance: string;
  readonly half: Bytes;
}

export const linkKey = (a: Side, b: Side): Bytes => (a.instance < b.instance ? sha256(a.half, b.half) : sha256(b.half, a.half));

/** `role`: 0 in message 3, over the hash its proof signs; 1 in READY, over the final hash. */
export const resumeMac = (key: Bytes, role: 0 | 1, h: Bytes): Bytes => hmac(key, ascii("tightbeam/1 resume\0"), Uint8Array.of(role), h);
