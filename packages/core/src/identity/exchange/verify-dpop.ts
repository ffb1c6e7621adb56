import { TightbeamError } from "../../errors.js";
import { clockToleranceS, invalidToken as invalid } from "../claims.js";
import { dpopTyp, tokenHash } from "../dpop.js";
import { readIssuerKey } from "../issuer-key.js";
import { isJsonObject } from "../json.js";
import { localKeys } from "../key-set.js";
import { readToken } from "../shape.js";
import { verifySignature } from "../token.js";
import type { VerifyKey } from "../types.js";
import { importVerifyKey } from "../verify-key.js";

const proofMax = 4_096;
const urlMax = 512;
/** It is remembered, so that it is kept short: a UUID has 36 characters. */
const jtiMax = 128;

export interface ExpectedProof {
  readonly url: string;
  readonly method: string;
  /** The credential that travels with it. A proof that names one (`ath`) must name this one. */
  readonly accessToken: string;
  /** Wall ms. */
  readonly now: number;
  /** Whether a nonce is one of ours; absent where none is asked for. */
  readonly knowsNonce: ((nonce: string) => boolean) | undefined;
}

export interface VerifiedProof {
  readonly key: VerifyKey;
  /** Names this proof among all. */
  readonly once: string;
}

/**
 * RFC 9449, 4.3, but for the replay: that is for the caller, once the rest of the request counts. Keys are those of agents (Ed25519,
 * P-256). Throws `invalid_token`, and `expired_token` for a nonce that is missing or old.
 */
export async function verifyDpop(proof: string, expected: ExpectedProof): Promise<VerifiedProof> {
  if (proof.length > proofMax) throw invalid(`The proof is larger than ${proofMax} bytes.`);
  const { header, claims } = readToken(proof);
  if (header.typ !== dpopTyp) throw invalid(`The proof's 'typ' is not '${dpopTyp}'.`);
  const { jti, htm, htu, iat, nonce, ath } = claims;
  if (typeof jti !== "string" || jti === "" || jti.length > jtiMax) throw invalid(`The proof's 'jti' is a string of 1 to ${jtiMax} characters.`);
  if (htm !== expected.method) throw invalid("The proof is for another method ('htm').");
  if (!isSameTarget(htu, expected.url)) throw invalid("The proof is for another URL ('htu').");
  if (typeof iat !== "number" || !(Math.abs(Math.floor(expected.now / 1000) - iat) <= clockToleranceS))
    throw invalid("The proof was not made now ('iat'): compare the clocks of both machines.");
  if (ath !== undefined && ath !== tokenHash(expected.accessToken)) throw invalid("The proof is for another credential ('ath').");
  const key = await proofKey(header.jwk);
  const issuerKey = readIssuerKey({ ...key.publicJwk }, undefined);
  // The key came with the proof, so a `kid` beside it chooses nothing.
  await verifySignature(proof, {
    keys: { ...localKeys(() => []), find: async (alg) => (issuerKey?.algorithms.includes(alg) ? issuerKey : undefined) },
    algorithms,
  });
  if (expected.knowsNonce !== undefined && !(typeof nonce === "string" && expected.knowsNonce(nonce)))
    throw new TightbeamError("expired_token", "The proof's nonce is missing or old: take the one of this answer.");
  return { key, once: `${key.thumbprint}.${jti}` };
}

const algorithms = ["EdDSA", "Ed25519", "ES256"] as const;

async function proofKey(jwk: unknown): Promise<VerifyKey> {
  if (!isJsonObject(jwk)) throw invalid("The proof's header has no 'jwk'.");
  try {
    return await importVerifyKey(jwk);
  } catch (cause) {
    throw invalid("The proof's key is refused: it is the public half of Ed25519 or P-256.", cause);
  }
}

/** Query and fragment do not count (RFC 9449, 4.3, 9). */
function isSameTarget(htu: unknown, url: string): boolean {
  if (typeof htu !== "string" || htu.length > urlMax || !URL.canParse(htu)) return false;
  const [given, own] = [new URL(htu), new URL(url)];
  return given.origin === own.origin && given.pathname === own.pathname && given.username === "" && given.password === "";
}
