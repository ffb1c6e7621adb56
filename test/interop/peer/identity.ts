import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { importJWK, type JWK, jwtVerify, SignJWT } from "jose";
import { ascii, type Bytes, base64url, join } from "./bytes.js";

/** docs/protocol.md, sections 2 and 4.6. Identity keys are Ed25519 here; a peer's may be P-256 too. */

export interface Issuer {
  readonly name: string;
  readonly jwk: JWK;
}

export interface Identity {
  readonly id: string;
  readonly key: KeyObject;
  /** A token with this audience, or without one. */
  token(audience?: string): Promise<string>;
}

/** The id and the public key that a token proves. */
export interface Verified {
  readonly id: string;
  readonly issuer: string;
  readonly jwk: JWK;
  readonly permissions: readonly string[];
}

const typ = "wit+jwt";

const publicJwkOf = (key: KeyObject): JWK => createPublicKey(key).export({ format: "jwk" }) as JWK;

/** An identity whose tokens are made here, with the issuer's private key. */
export function createIdentity(id: string, key: KeyObject, issuer: Issuer, permissions: readonly string[] = []): Identity {
  return {
    id,
    key,
    async token(audience) {
      const claims = { cnf: { jwk: publicJwkOf(key) }, permissions: [...permissions] };
      const token = new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", typ, ...(issuer.jwk.kid === undefined ? {} : { kid: issuer.jwk.kid }) });
      token.setIssuer(issuer.name).setSubject(id).setIssuedAt().setExpirationTime("1h").setJti(crypto.randomUUID());
      if (audience !== undefined) token.setAudience(audience);
      return token.sign(await importJWK(issuer.jwk, "EdDSA"));
    },
  };
}

/** Steps 2 to 6 of section 2, as far as jose does not do them by itself. `now`: ms. */
export async function verifyToken(token: string, issuer: Issuer, now: number): Promise<Verified> {
  const { d: _, ...publicJwk } = issuer.jwk;
  const required = ["sub", "iat", "exp", "jti", "cnf"];
  const options = {
    issuer: issuer.name,
    typ,
    algorithms: ["EdDSA"],
    clockTolerance: 60,
    maxTokenAge: "24h",
    requiredClaims: required,
    currentDate: new Date(now),
  };
  const { payload } = await jwtVerify(token, await importJWK(publicJwk, "EdDSA"), options);
  if (payload.aud !== undefined) throw new Error("a token for somebody else");
  const { jwk } = payload.cnf as { jwk?: JWK };
  if (jwk === undefined || jwk.d !== undefined) throw new Error("no public key in the token");
  return { id: payload.sub as string, issuer: issuer.name, jwk, permissions: (payload.permissions ?? []) as string[] };
}

/** A compact JWS whose header holds `alg` and `typ` and nothing else. */
export function signCompact(key: KeyObject, type: string, payload: Bytes): string {
  const signed = `${headerOf("EdDSA", type)}.${base64url(payload)}`;
  return `${signed}.${base64url(new Uint8Array(sign(null, ascii(signed), key)))}`;
}

/** Rebuilds what is signed and compares: header and payload are never parsed. */
export function verifyCompact(proof: string, jwk: JWK, type: string, payload: Bytes): boolean {
  const alg = jwk.crv === "P-256" ? "ES256" : "EdDSA";
  const signed = `${headerOf(alg, type)}.${base64url(payload)}`;
  const signature = proof.slice(signed.length + 1);
  const bytes = new Uint8Array(Buffer.from(signature, "base64url"));
  if (proof !== `${signed}.${signature}` || bytes.length !== 64 || base64url(bytes) !== signature) return false;
  const key = createPublicKey({ key: jwk as never, format: "jwk" });
  return alg === "EdDSA" ? verify(null, ascii(signed), key, bytes) : verify("sha256", ascii(signed), { key, dsaEncoding: "ieee-p1363" }, bytes);
}

const headerOf = (alg: string, type: string): string => base64url(ascii(`{"alg":"${alg}","typ":"${type}"}`));

export const popPayload = (role: 0 | 1, h: Bytes, hashOfTlvs: Bytes): Bytes => join(ascii("tightbeam/1 pop\0"), Uint8Array.of(role), h, hashOfTlvs);
