import { describe, expect, it } from "vitest";
import { createAuthority, generateKey, generateSecret, identityFromAuthority, identityFromSecret, identityFromToken, trust } from "../../src/identity/index.js";

const secret = generateSecret();
const url = "http://127.0.0.1:1/token";
const authority = await createAuthority();
const key = await generateKey();
const jwks = authority.jwks();
const endpoint = (more: object, credential: object = {}) =>
  authority.accept({ url, allowInsecure: true, credentials: [{ type: "secret", secret, ...credential }], ...more } as never);

// A misspelt option would be as if it had never been given: an issuer that may speak for everybody, a token that lasts an hour.
describe("a misspelt option is refused, by its name:", () => {
  const calls: Readonly<Record<string, [misspelt: string, call: () => unknown]>> = {
    createAuthority: ["lifetimes", () => createAuthority({ lifetimes: 60_000 } as never)],
    "authority.issue": ["permission", () => authority.issue({ id: "alice", publicKey: key.publicJwk, permission: [] } as never)],
    "authority.enroll": ["permission", () => authority.enroll("alice", { permission: ["call:*"] } as never)],
    "authority.trust": ["prefix", () => authority.trust({ prefix: ["acme/"] } as never)],
    "trust.jwks": ["prefix", () => trust.jwks(jwks, { issuer: "x", prefix: ["acme/"] } as never)],
    "trust.jwks, what is for a URL": ["maxAge", () => trust.jwks(jwks, { issuer: "x", maxAge: 1 } as never)],
    "trust.jwksUrl": ["allowInsecured", () => trust.jwksUrl("https://a.example/jwks", { issuer: "x", allowInsecured: true } as never)],
    "trust.everyoneWithSecret": ["prefix", () => trust.everyoneWithSecret(secret, { prefix: ["acme/"] } as never)],
    identityFromSecret: ["permission", () => identityFromSecret({ id: "alice", secret, permission: [] } as never)],
    identityFromAuthority: ["secrets", () => identityFromAuthority({ id: "alice", url: "https://a.example/token", secret, secrets: [] } as never)],
    identityFromToken: ["audience", () => identityFromToken({ id: "alice", key, getToken: async () => "", audience: "x" } as never)],
    "authority.accept": ["audience", () => endpoint({ audience: ["wss://a.example"] })],
    "authority.accept, a limit": ["perMinut", () => endpoint({ limits: { perMinut: 1 } })],
    "a credential": ["prefix", () => endpoint({}, { prefix: ["acme/"] })],
    "a credential, what is for another type": ["bound", () => endpoint({}, { bound: true })],
  };
  it.each(Object.entries(calls))("%s", async (_, [misspelt, call]) => {
    const error: unknown = await (async () => call())().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "invalid_argument", message: expect.stringContaining(`has no option '${misspelt}'. Its options are `) });
  });
});

it("a key that is none says where keys come from", async () => {
  await expect(createAuthority({ key: "abc" as never })).rejects.toMatchObject({ code: "invalid_key", message: expect.stringContaining("generateKey()") });
});
