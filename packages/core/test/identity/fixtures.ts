import { generateKeyPairSync, sign } from "node:crypto";
import { expect } from "vitest";
import { type ErrorCode, isTightbeamError, type TightbeamError } from "../../src/errors.js";
import { generateKey, type IssuerProfile, importVerifyKey, type SigningKey, trust } from "../../src/identity/index.js";

/** Wall clock of the tests: a whole second. */
export const NOW = 1_750_000_000_000;
export const SECONDS = NOW / 1000;
export const ISSUER = "https://auth.example";

export const b64 = (value: string | Uint8Array): string => Buffer.from(value as string).toString("base64url");
export const json = (value: unknown): string => b64(JSON.stringify(value));

export const issuerKey = await generateKey();
export const agentKey = await generateKey();
export const otherKey = await generateKey();

/** A key that signs within the turn, so that a virtual clock never runs ahead of native work. */
export async function promptKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { publicJwk, thumbprint } = await importVerifyKey(publicKey.export({ format: "jwk" }));
  return { alg: "EdDSA", publicJwk, thumbprint, sign: async (data) => new Uint8Array(sign(null, data, privateKey)) };
}

export const publish = (key: SigningKey, extra: object = {}): object => ({ ...key.publicJwk, kid: key.thumbprint, alg: key.alg, use: "sig", ...extra });
export const profileTrust = (profile: Partial<IssuerProfile> = {}, keys: readonly object[] = [publish(issuerKey)]) =>
  trust.jwks({ keys }, { issuer: ISSUER, ...profile });

export interface Forged {
  /** Merged over a good header and good claims; undefined removes a member. */
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
  /** Replace the JSON text altogether. */
  readonly headerText?: string;
  readonly claimsText?: string;
  readonly key?: Pick<SigningKey, "sign" | "alg" | "thumbprint">;
}

export const goodClaims = () => ({
  iss: ISSUER,
  sub: "alice",
  iat: SECONDS,
  exp: SECONDS + 3600,
  jti: "token-1",
  cnf: { jwk: { ...agentKey.publicJwk, alg: agentKey.alg } },
  permissions: ["call:summarize"],
});

/** A token that is right in every way but the given ones, signed as told. */
export async function forge({ header, claims, headerText, claimsText, key = issuerKey }: Forged = {}): Promise<string> {
  const head = b64(headerText ?? JSON.stringify({ alg: key.alg, typ: "wit+jwt", kid: key.thumbprint, ...header }));
  const body = b64(claimsText ?? JSON.stringify({ ...goodClaims(), ...claims }));
  return `${head}.${body}.${b64(await key.sign(Buffer.from(`${head}.${body}`)))}`;
}

export async function failure(promise: Promise<unknown>): Promise<TightbeamError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in outcome)) throw new Error(`expected a failure, got ${JSON.stringify(outcome.value)}`);
  if (!isTightbeamError(outcome.error)) throw outcome.error;
  return outcome.error;
}

export async function expectCode(promise: Promise<unknown>, code: ErrorCode): Promise<TightbeamError> {
  const error = await failure(promise);
  expect(error.code, error.message).toBe(code);
  return error;
}

/** Message, causes and own members of an error, as a careless logger would print them. */
export function printed(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current instanceof Error; current = current.cause) parts.push(String(current.stack), JSON.stringify({ ...current }));
  return parts.join("\n");
}
