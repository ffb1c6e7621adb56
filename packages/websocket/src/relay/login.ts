import { type Trust, type VerifiedToken, verifyProof } from "@tightbeam/core/identity";
import { isTightbeamError } from "@tightbeam/core/transport";
import { loginPayload } from "../login.js";
import type { Login } from "../protocol.js";
import type { Reason } from "../reasons.js";

export type LoginResult = { readonly token: VerifiedToken } | { readonly refused: Reason };

export interface LoginCheck {
  readonly trust: Trust;
  readonly origins: ReadonlySet<string>;
  /** Wall ms. */
  readonly now: () => number;
}

/** PROTOCOL 8: the origin is one of ours, the token is meant for it, and who sends it holds the token's key and saw this socket's nonce. Never throws. */
export async function checkLogin(login: Login, relayNonce: Uint8Array, { trust, origins, now }: LoginCheck): Promise<LoginResult> {
  if (!origins.has(login.origin)) return { refused: "wrong_origin" };
  let token: VerifiedToken;
  try {
    token = await trust.verify(login.token, { now: now(), audience: login.origin, ...(login.jwk === "" ? {} : { jwk: login.jwk }) });
  } catch (error) {
    return { refused: reasonFor(error) };
  }
  const payload = await loginPayload(login.origin, relayNonce, login.nonce, login.token);
  return (await verifyProof(token.key, "tightbeam-relay+jws", payload, login.proof)) ? { token } : { refused: "wrong_proof" };
}

/** The reason to give for an error of `trust`. */
export function reasonFor(error: unknown): Reason {
  const code = isTightbeamError(error) ? error.code : undefined;
  return code === "expired_token" || code === "revoked_token" || code === "unknown_issuer" || code === "issuer_unavailable" ? code : "invalid_token";
}
