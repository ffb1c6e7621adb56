import { TightbeamError } from "../errors.js";
import { isJsonObject, type JsonObject } from "./json.js";
import { thumbprintInput } from "./jwk.js";
import { readToken, tokenNeedsKey } from "./shape.js";
import type { Identity, SigningKey } from "./types.js";

/** A token and the key it is bound to, taken at one moment. */
export interface Credential {
  readonly key: SigningKey;
  readonly token: string;
  /** The key as JWK text, when it has to travel beside the token (`cnf.jkt`). */
  readonly jwk: string | undefined;
}

/** The last one of each key, so that a token is read once and not for every handshake. */
const known = new WeakMap<SigningKey, Credential>();

/**
 * What a handshake or a login needs. A key may be replaced between reading `token()` and `key`, so the pair is checked and read again.
 * Throws what `token()` throws, or `invalid_token` when the identity's token is bound to another key.
 */
export async function credential(identity: Identity, audience?: string): Promise<Credential> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const token = await identity.token(audience);
    const { key } = identity;
    const last = known.get(key);
    if (last?.token === token) return last;
    if (!isBound(token, key)) continue;
    const made: Credential = { key, token, jwk: tokenNeedsKey(token) ? thumbprintInput(key.publicJwk) : undefined };
    known.set(key, made);
    return made;
  }
  throw new TightbeamError("invalid_token", "The identity's token is bound to another key than its own.");
}

function isBound(token: string, key: SigningKey): boolean {
  const { cnf } = readToken(token).claims;
  return isJsonObject(cnf) && isBoundTo(cnf, key);
}

/** Whether `cnf` names this very key: of a point on P-256 both coordinates count. */
export function isBoundTo({ jwk, jkt }: JsonObject, { publicJwk, thumbprint }: SigningKey): boolean {
  if (!isJsonObject(jwk)) return jkt === thumbprint;
  return (
    jwk.crv === publicJwk.crv && jwk.x === publicJwk.x && jwk.y === ("y" in publicJwk ? publicJwk.y : undefined) && (jkt === undefined || jkt === thumbprint)
  );
}
