import { toHex } from "../bytes.js";

/** p = 2^255 - 19, the field of edwards25519 (RFC 8032, 5.1), little-endian. */
const ed25519Field = littleEndian("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");
/** L, the order of its base point. */
const ed25519Order = littleEndian("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
/** y of all eight points of small order: 0 (order 4), 1 and p - 1 (orders 1 and 2), and the two of order 8. The sign of x does not matter. */
const smallOrderY = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]);

/**
 * False for an encoding of another length, a y of p or more, and every point of small order: with such a key a signature of zeros
 * verifies any message on some runtimes. Does not tell whether the point is on the curve: verification does that.
 */
export function isStrictEd25519Point(encoded: Uint8Array): boolean {
  if (encoded.length !== 32) return false;
  const y = encoded.slice();
  y[31] = (y[31] as number) & 0x7f;
  return isBelow(y, ed25519Field) && !smallOrderY.has(toHex(y));
}

/** RFC 8032, 5.1.7: S below L, R encoded canonically; here R is not of small order either. The caller has checked the length of 64. */
export const isStrictEd25519Signature = (signature: Uint8Array): boolean =>
  isStrictEd25519Point(signature.subarray(0, 32)) && isBelow(signature.subarray(32), ed25519Order);

const p256Field = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const p256B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** True when both are 32 bytes, below p, and y^2 = x^3 - 3x + b (SP 800-186, 3.2.1.3). The cofactor is 1, so nothing else can be wrong. */
export function isP256Point(x: Uint8Array, y: Uint8Array): boolean {
  if (x.length !== 32 || y.length !== 32) return false;
  const u = BigInt(`0x${toHex(x)}`);
  const v = BigInt(`0x${toHex(y)}`);
  if (u >= p256Field || v >= p256Field) return false;
  return (v * v - (u * u * u - 3n * u + p256B)) % p256Field === 0n;
}

function littleEndian(hex: string): Uint8Array {
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[31 - i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return out;
}

/** Little-endian numbers of equal length; public values only. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
