import { fromBase64url } from "../bytes.js";
import { isP256Point, isStrictEd25519Point } from "../crypto/points.js";
import type { WebCryptoKey } from "../crypto/web-crypto.js";
import { TightbeamError } from "../errors.js";
import { counted } from "../under-way.js";
import { algorithms, isPublicAlgorithm, type PublicTokenAlgorithm, publicAlgorithms, type TokenAlgorithm } from "./algorithms.js";
import type { JsonObject } from "./json.js";

/** A key that signs tokens. */
export interface IssuerKey {
  /** Names the key itself (the input of its RFC 7638 thumbprint), not its `kid`. */
  readonly id: string;
  readonly kid: string | undefined;
  readonly algorithms: readonly TokenAlgorithm[];
  /** For one of `algorithms`. Throws `invalid_key` when the runtime refuses the key. */
  cryptoKey(alg: TokenAlgorithm): Promise<WebCryptoKey>;
}

const curveBytes: Readonly<Record<string, number>> = { "P-256": 32, "P-384": 48, "P-521": 66 };
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/** True for anything that must never stand in a published set: with it, everyone can sign. */
export const isPrivateJwk = (jwk: JsonObject): boolean => jwk.kty === "oct" || privateMembers.some((name) => Object.hasOwn(jwk, name));

/**
 * A public key of an issuer, or undefined for one that is of no use here: another type, not for signatures, too weak, not canonical.
 * Members that only describe (`x5c`, `x5u`, ...) are ignored. An RSA key without `alg` serves only the algorithms the profile names.
 */
export function readIssuerKey(jwk: JsonObject, allowed: readonly PublicTokenAlgorithm[] | undefined): IssuerKey | undefined {
  const { use, key_ops: operations, kid, alg } = jwk;
  if (use !== undefined && use !== "sig") return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return undefined;
  if (kid !== undefined && !(typeof kid === "string" && kid.length <= 256)) return undefined;
  if (alg !== undefined && !isPublicAlgorithm(alg)) return undefined;
  const members = definingMembers(jwk);
  if (members === undefined) return undefined;
  const usable = usableAlgorithms(jwk, alg).filter((name) => (allowed === undefined ? jwk.kty !== "RSA" || alg !== undefined : allowed.includes(name)));
  if (usable.length === 0) return undefined;
  const imported = new Map<string, Promise<CryptoKey>>();
  return {
    id: JSON.stringify(members),
    kid,
    algorithms: usable,
    cryptoKey(name) {
      let key = imported.get(name);
      if (key === undefined) {
        key = importCryptoKey(members, name as PublicTokenAlgorithm);
        imported.set(name, key);
      }
      return key;
    },
  };
}

/** An `alg` limits the key to itself; EdDSA and Ed25519 are two names of one. */
function usableAlgorithms(jwk: JsonObject, alg: PublicTokenAlgorithm | undefined): PublicTokenAlgorithm[] {
  const fitting = publicAlgorithms.filter((name) => algorithms[name].kty === jwk.kty && algorithms[name].crv === (jwk.kty === "RSA" ? undefined : jwk.crv));
  if (alg === undefined || jwk.kty === "OKP") return alg === undefined || fitting.includes(alg) ? fitting : [];
  return fitting.filter((name) => name === alg);
}

/** In the order of RFC 7638. */
function definingMembers(jwk: JsonObject): Readonly<Record<string, string>> | undefined {
  const { kty, crv } = jwk;
  if (kty === "OKP" && crv === "Ed25519") {
    const x = octets(jwk.x);
    return x !== undefined && isStrictEd25519Point(x) ? { crv, kty, x: jwk.x as string } : undefined;
  }
  if (kty === "EC" && typeof crv === "string" && Object.hasOwn(curveBytes, crv)) {
    const [x, y] = [octets(jwk.x), octets(jwk.y)];
    if (x === undefined || y === undefined || x.length !== curveBytes[crv] || y.length !== x.length) return undefined;
    if (crv === "P-256" && !isP256Point(x, y)) return undefined;
    return { crv, kty, x: jwk.x as string, y: jwk.y as string };
  }
  if (kty === "RSA") {
    const [n, e] = [octets(jwk.n), octets(jwk.e)];
    return n !== undefined && e !== undefined && isUsableRsa(n, e) ? { e: jwk.e as string, kty, n: jwk.n as string } : undefined;
  }
  return undefined;
}

/** 2,048 to 8,192 bits without leading zeros; an odd exponent of 3 to 2^32 - 1: a larger one only costs the verifier. */
function isUsableRsa(n: Uint8Array, e: Uint8Array): boolean {
  if (n.length < 256 || n.length > 1024 || n[0] === 0 || (n.length === 256 && (n[0] as number) < 0x80)) return false;
  if (e.length === 0 || e.length > 4 || e[0] === 0) return false;
  return (e.at(-1) as number) % 2 === 1 && !(e.length === 1 && e[0] === 1);
}

function octets(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string" || value.length > 1_400) return undefined;
  try {
    return fromBase64url(value);
  } catch {
    return undefined;
  }
}

async function importCryptoKey(members: Readonly<Record<string, string>>, alg: PublicTokenAlgorithm): Promise<CryptoKey> {
  try {
    return await counted(globalThis.crypto.subtle.importKey("jwk", { ...members }, algorithms[alg].parameters, false, ["verify"]));
  } catch (cause) {
    throw new TightbeamError("invalid_key", `This runtime refused the issuer's ${alg} key.`, { cause });
  }
}
