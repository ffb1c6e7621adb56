import { TightbeamError } from "../errors.js";
import type { JsonObject } from "./json.js";
import type { CheckedProfile } from "./profile.js";

/** Seconds by which two clocks may differ. */
export const clockToleranceS = 60;

export interface TokenTimes {
  /** Wall ms. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export const invalidToken = (message: string, cause?: unknown): TightbeamError => new TightbeamError("invalid_token", message, { cause });

export const expiredToken = (): TightbeamError =>
  new TightbeamError("expired_token", "The token has expired: get a new one. If it is new, compare the clocks of both machines.");

const visible = /^[!-~]{1,128}$/;

/** What a stranger's token says of its issuer, as part of a sentence: only where that is nothing but visible characters, as URLs are. */
export const saidIssuer = (issuer: unknown): string => (typeof issuer === "string" && visible.test(issuer) ? `, '${issuer}' as it says,` : "");

export const unknownIssuer = (issuer: unknown): TightbeamError =>
  new TightbeamError(
    "unknown_issuer",
    `The token's issuer${saidIssuer(issuer)} is not trusted here: add its profile to the trust, or get a token from a trusted one.`,
  );

const wrong = (claim: string): TightbeamError => invalidToken(`The token's '${claim}' is missing or wrong.`);

/** RFC 7515, 4.1.9: `application/` may be left out, and case does not count. */
export const mediaType = (typ: string): string => (typ.includes("/") ? typ : `application/${typ}`).toLowerCase();

/**
 * PROTOCOL 2, step 2, after the signature: type, issuer, what must be there, and the times.
 * Throws `invalid_token` and `expired_token`.
 */
export function checkClaims({ typ }: JsonObject, claims: JsonObject, profile: CheckedProfile, nowMs: number): TokenTimes {
  if (typeof typ !== "string" || mediaType(typ) !== mediaType(profile.typ)) throw wrong("typ");
  if (claims.iss !== profile.issuer) throw wrong("iss");
  for (const name of ["sub", "jti", "cnf"]) if (!Object.hasOwn(claims, name)) throw wrong(name);

  return checkTimes(claims, profile.maxTokenAge, nowMs);
}

/** `iat`, `exp` and `nbf` if it is there (RFC 7519, 4.1.4 to 4.1.6), in whole seconds; ages in ms. Throws `invalid_token` and `expired_token`. */
export function checkTimes(claims: JsonObject, maxAge: number, nowMs: number): TokenTimes {
  const seconds = (name: string): number => {
    const value = claims[name];
    if (!Number.isFinite(value)) throw wrong(name);
    return value as number;
  };
  const [issued, expires] = [seconds("iat"), seconds("exp")];
  const now = Math.floor(nowMs / 1000);
  if (Math.max(issued, Object.hasOwn(claims, "nbf") ? seconds("nbf") : 0) > now + clockToleranceS)
    throw invalidToken("The token is not valid yet: compare the clocks of both machines.");
  // A token with an `exp` far away ends when its age does.
  const end = Math.min(expires, issued + maxAge / 1000);
  if (expires <= now - clockToleranceS || end < now - clockToleranceS) throw expiredToken();
  return { issuedAt: Math.floor(issued * 1000), expiresAt: Math.floor(end * 1000) };
}
