import { toHex } from "../bytes.js";

/** The field of edwards25519 (RFC 8032, 5.1). */
const ed25519Field = 2n ** 255n - 19n;
/** L, the order of its base point. */
const ed25519Order = 2n ** 252n + 0x14def9dea2f79cd65812631a5cf5d3edn;
const order8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
/** y of all eight points of small order: 0 (order 4), 1 and p - 1 (orders 1 and 2), and the two of order 8. The sign of x does not matter. */
const smallOrderY = new Set([0n, 1n, ed25519Field - 1n, order8, ed25519Field - order8]);

const littleEndian = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes.slice().reverse())}`);

/**
 * False for an encoding of another length, a y of p or more, and every point of small order: with such a key a signature of zeros
 * verifies any message on some runtimes. Does not tell whether the point is on the curve: verification does that.
 */
export function isStrictEd25519Point(encoded: Uint8Array): boolean {
  if (encoded.length !== 32) return false;
  const y = littleEndian(encoded) % 2n ** 255n;
  return y < ed25519Field && !smallOrderY.has(y);
}

/** RFC 8032, 5.1.7: S below L, R encoded canonically; here R is not of small order either. The caller has checked the length of 64. */
export const isStrictEd25519Signature = (signature: Uint8Array): boolean =>
  isStrictEd25519Point(signature.subarray(0, 32)) && littleEndian(signature.subarray(32)) < ed25519Order;

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
