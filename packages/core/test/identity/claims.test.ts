import fc from "fast-check";
import { UnsecuredJWT } from "jose/jwt/unsecured";
import { describe, expect, it } from "vitest";
import { encodeUtf8, toBase64url } from "../../src/bytes.js";
import { isTightbeamError } from "../../src/errors.js";
import { checkClaims, clockToleranceS } from "../../src/identity/claims.js";
import { checkProfile } from "../../src/identity/profile.js";

const now = 1_800_000_000;
const part = (value: object): string => toBase64url(encodeUtf8(JSON.stringify(value)));

function ours(header: Record<string, unknown>, claims: Record<string, unknown>, typ: string, maxTokenAge: number): string {
  try {
    checkClaims(header, claims, checkProfile({ issuer: "issuer", typ, maxTokenAge: maxTokenAge * 1000 }), now * 1000 + 999);
    return "taken";
  } catch (error) {
    return isTightbeamError(error) ? error.code : "untyped";
  }
}

/** jose's judgement of the same claims under the same policy. */
function theirs(header: Record<string, unknown>, claims: Record<string, unknown>, typ: string, maxTokenAge: number): string {
  try {
    UnsecuredJWT.decode(`${part({ ...header, alg: "none" })}.${part(claims)}.`, {
      issuer: "issuer",
      typ,
      requiredClaims: ["sub", "iat", "exp", "jti", "cnf"],
      clockTolerance: clockToleranceS,
      maxTokenAge,
      currentDate: new Date(now * 1000 + 999),
    });
    return "taken";
  } catch (error) {
    return (error as { code?: unknown }).code === "ERR_JWT_EXPIRED" ? "expired_token" : "invalid_token";
  }
}

const around = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -130, max: 130 }).map((seconds) => now + seconds) },
  { weight: 2, arbitrary: fc.double({ min: now - 62, max: now + 62, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(undefined, null, "1800000000", true, [now], 0, -1) },
);
const text = fc.constantFrom<unknown>("x", "", 7, null, undefined, {});
const spelling = fc.constantFrom<unknown>("wit+jwt", "WIT+jwt", "application/wit+jwt", "Application/WIT+JWT", "text/wit+jwt", "jwt", "", undefined, 1);

describe("checkClaims", () => {
  it("judges type, issuer, presence and times as jose does", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        fc.record({ typ: spelling }),
        fc.record({
          iss: fc.constantFrom<unknown>("issuer", "issuer", "other", undefined),
          sub: text,
          jti: text,
          cnf: text,
          iat: around,
          exp: around,
          nbf: around,
        }),
        fc.constantFrom("wit+jwt", "application/wit+jwt"),
        fc.constantFrom(30, 100, 86_400),
        (header, claims, typ, maxTokenAge) => {
          const verdict = ours(header, JSON.parse(JSON.stringify(claims)), typ, maxTokenAge);
          seen.add(verdict);
          expect(verdict === "taken").toBe(theirs(header, claims, typ, maxTokenAge) === "taken");
        },
      ),
      { numRuns: 20_000, seed: 1 },
    );
    expect([...seen].sort()).toEqual(["expired_token", "invalid_token", "taken"]);
  });

  const good = { iss: "issuer", sub: "alice", jti: "1", cnf: {}, iat: now, exp: now + 60 };
  it.each<[string, Record<string, unknown>, string]>([
    ["everything right", {}, "taken"],
    ["expired 59 s ago", { iat: now - 200, exp: now - 59 }, "taken"],
    ["expired 60 s ago", { iat: now - 200, exp: now - 60 }, "expired_token"],
    ["issued 60 s ahead", { iat: now + 60 }, "taken"],
    ["issued 61 s ahead", { iat: now + 61 }, "invalid_token"],
    ["valid 61 s ahead", { nbf: now + 61 }, "invalid_token"],
    ["as old as it may be", { iat: now - 3_660 }, "taken"],
    ["a second older", { iat: now - 3_661 }, "expired_token"],
    ["endless times", { exp: Number.POSITIVE_INFINITY }, "invalid_token"],
  ])("%s", (_what, change, verdict) => {
    const claims = { ...good, ...change };
    expect(ours({ typ: "wit+jwt" }, claims, "wit+jwt", 3_600)).toBe(verdict);
    if (Number.isFinite(claims.exp)) expect(theirs({ typ: "wit+jwt" }, claims, "wit+jwt", 3_600)).toBe(verdict);
  });

  it("ends with the token's age when its exp is far away", () => {
    const profile = checkProfile({ issuer: "issuer", maxTokenAge: 3_600_000 });
    const times = checkClaims({ typ: "wit+jwt" }, { ...good, exp: now + 1e6 }, profile, now * 1000);
    expect(times).toEqual({ issuedAt: now * 1000, expiresAt: (now + 3_600) * 1000 });
  });
});
