import { describe, expect, it } from "vitest";
import { generateKey, signDpop, type TokenRefused } from "../../../src/identity/index.js";
import { agentKey, b64, otherKey } from "../fixtures.js";
import { type Asked, setUp, sign, URL_ } from "./fixture.js";

type Endpoint = Awaited<ReturnType<typeof setUp>>;

/** A proof that is right but for what is given. */
async function proof({ seconds }: Endpoint, header: object = {}, claims: object = {}, key = agentKey): Promise<string> {
  return sign({ typ: "dpop+jwt", alg: key.alg, jwk: key.publicJwk, ...header }, { jti: "once", htm: "POST", htu: URL_, iat: seconds(), ...claims }, key);
}

describe("TM-141 a token is bound to a key that was proved for this very request", () => {
  const cases: [string, (endpoint: Endpoint) => Promise<Asked> | Asked][] = [
    ["no proof", () => ({ proof: null })],
    ["an empty one", () => ({ proof: "" })],
    ["two", async (endpoint) => ({ proof: `${await proof(endpoint)}, ${await proof(endpoint, {}, { jti: "twice" })}` })],
    ["larger than 4 KiB", async (endpoint) => ({ proof: await proof(endpoint, {}, { padding: "x".repeat(4_096) }) })],
    ["another type", async (endpoint) => ({ proof: await proof(endpoint, { typ: "JWT" }) })],
    ["no type", async (endpoint) => ({ proof: await proof(endpoint, { typ: undefined }) })],
    ["alg none", async (endpoint) => ({ proof: await proof(endpoint, { alg: "none" }) })],
    ["alg HS256", async (endpoint) => ({ proof: await proof(endpoint, { alg: "HS256" }) })],
    ["an alg of another key", async (endpoint) => ({ proof: await proof(endpoint, { alg: "ES256" }) })],
    ["no key", async (endpoint) => ({ proof: await proof(endpoint, { jwk: undefined }) })],
    ["a private key", async (endpoint) => ({ proof: await proof(endpoint, { jwk: { ...agentKey.publicJwk, d: "AAAA" } }) })],
    ["a symmetric key", async (endpoint) => ({ proof: await proof(endpoint, { alg: "HS256", jwk: { kty: "oct", k: "AAAA" } }) })],
    ["a key of small order", async (endpoint) => ({ proof: await proof(endpoint, { jwk: { kty: "OKP", crv: "Ed25519", x: b64(new Uint8Array(32)) } }) })],
    ["another's key", async (endpoint) => ({ proof: await proof(endpoint, { jwk: otherKey.publicJwk }) })],
    ["crit", async (endpoint) => ({ proof: await proof(endpoint, { crit: ["x"] }) })],
    ["another method", async (endpoint) => ({ proof: await proof(endpoint, {}, { htm: "GET" }) })],
    ["another host", async (endpoint) => ({ proof: await proof(endpoint, {}, { htu: "https://evil.example/token" }) })],
    ["another scheme", async (endpoint) => ({ proof: await proof(endpoint, {}, { htu: "http://agents.example/token" }) })],
    ["another path", async (endpoint) => ({ proof: await proof(endpoint, {}, { htu: "https://agents.example/tokens" }) })],
    ["a user in the URL", async (endpoint) => ({ proof: await proof(endpoint, {}, { htu: "https://x@agents.example/token" }) })],
    ["a URL that is none", async (endpoint) => ({ proof: await proof(endpoint, {}, { htu: "token" }) })],
    ["made 61 s ago", async (endpoint) => ({ proof: await proof(endpoint, {}, { iat: endpoint.seconds() - 61 }) })],
    ["made in 61 s", async (endpoint) => ({ proof: await proof(endpoint, {}, { iat: endpoint.seconds() + 61 }) })],
    ["made at no time", async (endpoint) => ({ proof: await proof(endpoint, {}, { iat: "now" }) })],
    ["no jti", async (endpoint) => ({ proof: await proof(endpoint, {}, { jti: undefined }) })],
    ["a jti of 129 characters", async (endpoint) => ({ proof: await proof(endpoint, {}, { jti: "x".repeat(129) }) })],
    ["for another credential", async (endpoint) => ({ proof: await signDpop(agentKey, { url: URL_, accessToken: "another", runtime: endpoint.runtime }) })],
    [
      "a changed claim",
      async (endpoint) => ({
        proof: (await proof(endpoint)).replace(/\.[^.]+\./, `.${b64(JSON.stringify({ jti: "2", htm: "POST", htu: URL_, iat: endpoint.seconds() }))}.`),
      }),
    ],
  ];
  it.each(cases)("%s", async (_, make) => {
    const endpoint = await setUp();
    const { status, body, headers } = await endpoint.ask(await make(endpoint));
    expect({ status, body }).toEqual({ status: 400, body: { error: "invalid_dpop_proof", error_description: "The DPoP proof does not count here and now." } });
    expect(headers.has("dpop-nonce")).toBe(false);
    expect(endpoint.events).toEqual([expect.objectContaining({ type: "refused", error: "invalid_dpop_proof", id: undefined, credential: undefined })]);
  });

  it("counts with a query in its URL, without `ath`, and with keys of both kinds", async () => {
    const endpoint = await setUp();
    const es256 = await generateKey({ alg: "ES256" });
    expect((await endpoint.ask({ proof: await proof(endpoint, {}, { htu: `${URL_}?x#y` }) })).status).toBe(200);
    expect((await endpoint.ask({ proof: await proof(endpoint, { alg: "Ed25519" }, { jti: "2" }) })).status).toBe(200);
    expect((await endpoint.ask({ proof: await proof(endpoint, {}, {}, es256) })).status).toBe(200);
    expect(endpoint.events.at(-1)).toMatchObject({ thumbprint: es256.thumbprint });
  });
});

describe("TM-142 a proof counts once", () => {
  const replay = async (endpoint: Endpoint, asked: Asked): Promise<string> => String((await endpoint.ask(asked)).body.error);

  it("not at once, not concurrently, not later, not with another credential", async () => {
    const endpoint = await setUp();
    const once = await proof(endpoint);
    const both = await Promise.all([endpoint.ask({ proof: once }), endpoint.ask({ proof: once })]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
    expect(await replay(endpoint, { proof: once })).toBe("invalid_dpop_proof");
    expect((endpoint.events.at(-1) as TokenRefused).reason).toBe("The proof has been used before.");
    expect(await replay(endpoint, { proof: once, claims: { sub: "acme/carol" } })).toBe("invalid_dpop_proof");
    for (let passed = 0; passed < 180; passed += 20) {
      await endpoint.runtime.advance(20_000);
      expect(await replay(endpoint, { proof: once })).toBe("invalid_dpop_proof");
    }
  });

  it("made for the latest moment, as long as it could count", async () => {
    const endpoint = await setUp();
    await endpoint.runtime.advance(125_000);
    const late = await proof(endpoint, {}, { iat: endpoint.seconds() + 60 });
    expect((await endpoint.ask({ proof: late })).status).toBe(200);
    for (let passed = 0; passed < 120; passed += 10) {
      await endpoint.runtime.advance(10_000);
      expect(await replay(endpoint, { proof: late })).toBe("invalid_dpop_proof");
    }
  });

  it("is not used up by a request that was refused, and the same jti of another key is another", async () => {
    const endpoint = await setUp();
    const once = await proof(endpoint);
    expect((await endpoint.ask({ proof: once, claims: { aud: "x" } })).body.error).toBe("invalid_grant");
    expect((await endpoint.ask({ proof: once })).status).toBe(200);
    expect((await endpoint.ask({ proof: await proof(endpoint, {}, {}, otherKey) })).status).toBe(200);
  });

  it("is not used up either when there is no room for its key any more", async () => {
    const endpoint = await setUp({ endpoint: { limits: { keysPerAgent: 1 } } });
    expect((await endpoint.ask()).status).toBe(200);
    const once = await proof(endpoint, {}, {}, otherKey);
    expect((await endpoint.ask({ proof: once })).status).toBe(503);
    expect((await endpoint.ask({ proof: once })).status).toBe(503);
  });
});

describe("TM-143 with nonces, which is the default, no proof can be made in advance", () => {
  const strict = () => setUp({ endpoint: { nonce: true } });

  it("asks for one and takes it", async () => {
    const endpoint = await strict();
    const first = await endpoint.ask();
    expect([first.status, first.body.error]).toEqual([400, "use_dpop_nonce"]);
    const nonce = first.headers.get("dpop-nonce") as string;
    expect(nonce).toMatch(/^[\w-]{22}$/);
    const second = await endpoint.ask({ nonce });
    expect([second.status, second.headers.get("dpop-nonce")]).toEqual([200, nonce]);
  });

  it("gives another every minute, and takes the one before it, no older one and no made-up one", async () => {
    const endpoint = await strict();
    const nonce = (await endpoint.ask()).headers.get("dpop-nonce") as string;
    await endpoint.runtime.advance(60_000);
    const next = await endpoint.ask({ nonce });
    expect(next.status).toBe(200);
    expect(next.headers.get("dpop-nonce")).not.toBe(nonce);
    await endpoint.runtime.advance(60_000);
    for (const old of [nonce, "", "x", `${nonce}x`]) expect((await endpoint.ask({ nonce: old })).body.error).toBe("use_dpop_nonce");
    // After a long silence neither of the two is known.
    const latest = (await endpoint.ask()).headers.get("dpop-nonce") as string;
    await endpoint.runtime.advance(120_000);
    expect((await endpoint.ask({ nonce: latest })).body.error).toBe("use_dpop_nonce");
  });

  it("says nothing of a credential before the proof counts", async () => {
    const endpoint = await strict();
    expect((await endpoint.ask({ claims: { iss: "https://evil.example" } })).body.error).toBe("use_dpop_nonce");
  });

  it("does not ask who has not proved a key", async () => {
    const endpoint = await strict();
    expect((await endpoint.ask({ proof: await proof(endpoint, { jwk: otherKey.publicJwk }) })).body.error).toBe("invalid_dpop_proof");
  });
});
