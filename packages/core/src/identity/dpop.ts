import { encodeUtf8, toBase64url } from "../bytes.js";
import { crypto } from "../crypto/index.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import type { SigningKey } from "./types.js";

export const dpopTyp = "dpop+jwt";

export interface DpopClaims {
  /** The request's. Query and fragment are left out. */
  readonly url: string;
  /** Default "POST". */
  readonly method?: string | undefined;
  /** From the server's `DPoP-Nonce`. */
  readonly nonce?: string | undefined;
  /** The token that the request carries: the proof is bound to it. */
  readonly accessToken?: string | undefined;
  readonly runtime?: Runtime | undefined;
}

/** A DPoP proof (RFC 9449, 4.2): that whoever sends this request holds the key. For the header `DPoP`. */
export async function signDpop(key: SigningKey, { url, method = "POST", nonce, accessToken, runtime = systemRuntime() }: DpopClaims): Promise<string> {
  const { origin, pathname } = new URL(url);
  const claims = {
    jti: toBase64url(runtime.random.bytes(16)),
    htm: method,
    htu: origin + pathname,
    iat: Math.floor(runtime.clock.wall() / 1000),
    nonce,
    ath: accessToken === undefined ? undefined : tokenHash(accessToken),
  };
  const input = `${encode({ typ: dpopTyp, alg: key.alg, jwk: key.publicJwk })}.${encode(claims)}`;
  return `${input}.${toBase64url(await key.sign(encodeUtf8(input)))}`;
}

/** `ath`: the SHA-256 of a token. */
export const tokenHash = (token: string): string => toBase64url(crypto().sha256.digest(encodeUtf8(token)));

const encode = (value: object): string => toBase64url(encodeUtf8(JSON.stringify(value)));
