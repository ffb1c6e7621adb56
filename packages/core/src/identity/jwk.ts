import { encodeUtf8, fromBase64url, toBase64url } from "../bytes.js";
import { crypto } from "../crypto/index.js";
import { isP256Point, isStrictEd25519Point } from "../crypto/points.js";
import { TightbeamError } from "../errors.js";
import { isJsonObject } from "./json.js";
import type { PublicJwk, SignatureAlg } from "./types.js";

export interface ReadJwk {
  readonly alg: SignatureAlg;
  /** Only the members that define the key. */
  readonly jwk: PublicJwk;
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_key", message);
const describing = new Set(["kty", "crv", "x", "y", "alg", "use", "key_ops", "kid", "ext"]);

/**
 * An agent's public key from a JWK nobody vouches for: an allow-list of members (a private one is refused, so is any unknown one),
 * Ed25519 or P-256, coordinates of 32 bytes in canonical base64url, strict points (crypto/points.ts), and `alg`, `use`, `key_ops`
 * that fit a signing key where they are present. Throws `invalid_key`.
 */
export function readPublicJwk(value: unknown): ReadJwk {
  return readMembers(value, describing, "verify");
}

/** The same for a private key; `d` is checked for its form only. */
export function readPrivateJwk(value: unknown): ReadJwk & { readonly d: string } {
  const read = readMembers(value, new Set([...describing, "d"]), "sign");
  const { d } = value as { d?: unknown };
  coordinate(d, "d");
  return { ...read, d: d as string };
}

function readMembers(value: unknown, allowed: ReadonlySet<string>, operation: "sign" | "verify"): ReadJwk {
  if (!isJsonObject(value)) throw invalid("A key is a JWK object.");
  for (const name of Object.keys(value)) {
    if (allowed.has(name)) continue;
    throw invalid(name === "d" ? "The JWK holds a private key: that key is public now, make a new one." : "The JWK has a member that is not allowed here.");
  }
  const { kty, crv, x, y } = value;
  if (kty === "OKP" && crv === "Ed25519") {
    if (y !== undefined) throw invalid("An Ed25519 key has no member 'y'.");
    if (!isStrictEd25519Point(coordinate(x, "x"))) throw invalid("The Ed25519 key is not canonical or of small order.");
    checkUse(value, ["EdDSA", "Ed25519"], operation);
    return { alg: "EdDSA", jwk: Object.freeze({ kty, crv, x: x as string }) };
  }
  if (kty === "EC" && crv === "P-256") {
    if (!isP256Point(coordinate(x, "x"), coordinate(y, "y"))) throw invalid("The P-256 key is not on the curve.");
    checkUse(value, ["ES256"], operation);
    return { alg: "ES256", jwk: Object.freeze({ kty, crv, x: x as string, y: y as string }) };
  }
  throw invalid("An identity key is Ed25519 (kty OKP) or P-256 (kty EC).");
}

function coordinate(value: unknown, name: string): Uint8Array {
  if (typeof value !== "string" || value.length !== 43) throw invalid(`The JWK's '${name}' is not 32 bytes in base64url.`);
  try {
    return fromBase64url(value);
  } catch {
    throw invalid(`The JWK's '${name}' is not canonical base64url.`);
  }
}

/** Members that only describe the key must not contradict what it is for. */
function checkUse({ alg, use, key_ops: operations, kid, ext }: Readonly<Record<string, unknown>>, algs: readonly string[], operation: "sign" | "verify"): void {
  const fits = {
    alg: alg === undefined || algs.includes(alg as string),
    use: use === undefined || use === "sig",
    key_ops: operations === undefined || (Array.isArray(operations) && operations.length === 1 && operations[0] === operation),
    kid: kid === undefined || (typeof kid === "string" && kid.length <= 256),
    ext: ext === undefined || typeof ext === "boolean",
  };
  for (const [name, fit] of Object.entries(fits)) if (!fit) throw invalid(`The JWK's '${name}' does not fit an identity key that should ${operation}.`);
}

/** What RFC 7638 hashes: the required members in order, without spaces. Values are base64url or registered names, so nothing needs escaping. */
export const thumbprintInput = (jwk: PublicJwk): string => JSON.stringify(jwk, ["crv", "kty", "x", "y"]);

/** RFC 7638 with SHA-256, 43 characters of base64url. `jwk` may hold more members; it is checked first. Throws `invalid_key`. */
export function thumbprint(jwk: unknown): string {
  return thumbprintOf(readPublicJwk(jwk).jwk);
}

export const thumbprintOf = (jwk: PublicJwk): string => toBase64url(crypto().sha256.digest(encodeUtf8(thumbprintInput(jwk))));
