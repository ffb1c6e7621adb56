import { pow } from "@noble/curves/abstract/modular.js";
import { montgomery } from "@noble/curves/abstract/montgomery.js";

// Only for runtimes without native X25519; import it with `await import()`.

const p = 2n ** 255n - 19n;

/** RFC 7748, section 5. */
function clamp(scalar: Uint8Array): Uint8Array {
  scalar[0] = (scalar[0] as number) & 248;
  scalar[31] = ((scalar[31] as number) & 127) | 64;
  return scalar;
}

/** The library's ladder with the parameters of X25519. Its own `x25519` brings the tables of Ed25519 along: 15 KB more to make public keys 1 ms faster. */
export const x25519 = montgomery({ P: p, type: "x25519", adjustScalarBytes: clamp, powPminus2: (z) => pow(z, p - 2n, p) });
