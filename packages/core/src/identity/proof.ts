import { encodeUtf8, fromBase64url, toBase64url } from "../bytes.js";
import type { SignatureAlg, SigningKey, VerifyKey } from "./types.js";

/** What a proof is for. The type is signed, so one kind never passes for another (RFC 8725, 3.11). */
export type ProofType = "tightbeam-pop+jws" | "tightbeam-relay+jws";

/** `b64(header).b64(payload)` of a compact JWS (RFC 7515, 7.1). The header has exactly these two members, in this order, without spaces. */
const signingInput = (alg: SignatureAlg, typ: ProofType, payload: Uint8Array): string =>
  `${toBase64url(encodeUtf8(`{"alg":"${alg}","typ":"${typ}"}`))}.${toBase64url(payload)}`;

/** A compact JWS over `payload`. */
export async function signProof(key: SigningKey, typ: ProofType, payload: Uint8Array): Promise<string> {
  const input = signingInput(key.alg, typ, payload);
  return `${input}.${toBase64url(await key.sign(encodeUtf8(input)))}`;
}

/** True when `jws` is exactly the proof this key makes over this payload. Rebuilds header and payload and compares; parses nothing but the signature. Never throws. */
export async function verifyProof(key: VerifyKey, typ: ProofType, payload: Uint8Array, jws: string): Promise<boolean> {
  const input = signingInput(key.alg, typ, payload);
  // 64 bytes of signature are 86 characters.
  if (typeof jws !== "string" || jws.length !== input.length + 1 + 86 || !jws.startsWith(`${input}.`)) return false;
  let signature: Uint8Array;
  try {
    signature = fromBase64url(jws.slice(input.length + 1));
  } catch {
    return false;
  }
  return key.verify(signature, encodeUtf8(input));
}
