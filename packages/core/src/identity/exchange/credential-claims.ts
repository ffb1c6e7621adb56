import { checkTimes, invalidToken as invalid, mediaType } from "../claims.js";
import { isJsonObject, type JsonObject } from "../json.js";
import { thumbprint } from "../jwk.js";

export interface CredentialRules {
  readonly typ: readonly string[];
  readonly audience: string;
  /** ms. */
  readonly maxAge: number;
  /** A credential that is bound to no key does not count. */
  readonly bound: boolean;
}

/**
 * What a credential must say besides whose it is, after its signature: its type, that it is meant for us, the times, and, when it is
 * bound to a key, that it is the one that was proved. `now` is wall ms. Throws `invalid_token`, `expired_token`.
 */
export function checkCredential({ typ }: JsonObject, claims: JsonObject, rules: CredentialRules, proved: string, now: number): void {
  if (typ !== undefined && !(typeof typ === "string" && rules.typ.some((known) => mediaType(known) === mediaType(typ))))
    throw invalid("The credential's 'typ' is not one that counts.");
  const { aud } = claims;
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.every((each) => typeof each === "string") || !audiences.includes(rules.audience))
    throw invalid("The credential is meant for another audience ('aud').");
  checkAge(claims, rules.maxAge, now);
  checkBinding(claims, proved, rules.bound);
}

/** JWT-SVIDs need not say when they were issued: then it counts how long they would last. */
function checkAge(claims: JsonObject, maxAge: number, now: number): void {
  if (Object.hasOwn(claims, "iat")) checkTimes(claims, maxAge, now);
  else if (checkTimes({ ...claims, iat: Math.floor(now / 1000) }, Number.MAX_SAFE_INTEGER, now).expiresAt > now + maxAge)
    throw invalid("The credential lasts too long ('exp').");
}

/** A credential that is bound to a key (RFC 7800) admits that key only; one bound in a way that cannot be proved here admits none. */
function checkBinding(claims: JsonObject, proved: string, bound: boolean): void {
  if (!Object.hasOwn(claims, "cnf") && !bound) return;
  const { cnf } = claims;
  const kind = isJsonObject(cnf) ? Object.keys(cnf).join() : "";
  if (kind !== "jkt" && kind !== "jwk") throw invalid("The credential is bound ('cnf') in a way that cannot be proved here.");
  if (boundTo(cnf as JsonObject) !== proved) throw invalid("The credential is bound to another key ('cnf') than the proof's.");
}

function boundTo({ jkt, jwk }: JsonObject): unknown {
  if (jkt !== undefined) return jkt;
  try {
    return thumbprint(jwk);
  } catch (cause) {
    throw invalid("The key that the credential is bound to is refused.", cause);
  }
}
