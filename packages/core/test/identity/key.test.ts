import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { exportKey, generateKey, importKey, importVerifyKey, thumbprint } from "../../src/identity/index.js";
import { expectCode, printed } from "./fixtures.js";

const data = Buffer.from("some bytes");
/** RFC 8037, A.1 to A.3. */
const rfc8037 = { kty: "OKP", crv: "Ed25519", d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const;

describe.each(["EdDSA", "ES256"] as const)("a %s key", (alg) => {
  it("signs what its public half verifies, and nothing else", async () => {
    const key = await generateKey({ alg });
    const verifier = await importVerifyKey(key.publicJwk);
    const signature = await key.sign(data);
    expect(signature).toHaveLength(64);
    expect(await verifier.verify(signature, data)).toBe(true);
    expect(await verifier.verify(signature, Buffer.from("other bytes"))).toBe(false);
    for (let i = 0; i < 64; i++) {
      const flipped = signature.slice();
      flipped[i] = (flipped[i] as number) ^ (1 << (i % 8));
      expect(await verifier.verify(flipped, data)).toBe(false);
    }
    for (const length of [0, 1, 63, 65, 128]) expect(await verifier.verify(new Uint8Array(length), data)).toBe(false);
    expect(verifier.thumbprint).toBe(key.thumbprint);
    expect(thumbprint({ ...key.publicJwk, alg, kid: "any" })).toBe(key.thumbprint);
  });

  it("TM-05 cannot be exported unless it was asked for", async () => {
    const key = await generateKey({ alg });
    await expectCode(exportKey(key), "denied");
    expect(Object.keys(key).sort()).toEqual(["alg", "publicJwk", "sign", "thumbprint"]);
    expect(JSON.stringify(key)).not.toContain('"d"');
    expect(Object.isFrozen(key)).toBe(true);
    const again = await importKey(await exportKey(await generateKey({ alg, extractable: true })));
    await expectCode(exportKey(again), "denied");
  });

  it("survives export and import", async () => {
    const key = await generateKey({ alg, extractable: true });
    const jwk = await exportKey(key);
    const copy = await importKey(jwk, { extractable: true });
    expect(copy.thumbprint).toBe(key.thumbprint);
    expect(await exportKey(copy)).toEqual(jwk);
    expect(await (await importVerifyKey(key.publicJwk)).verify(await copy.sign(data), data)).toBe(true);
    expect(inspect(copy, { depth: 5 })).not.toContain(jwk.d);
  });

  it("is refused when its halves do not belong together", async () => {
    const [a, b] = [await exportKey(await generateKey({ alg, extractable: true })), await exportKey(await generateKey({ alg, extractable: true }))];
    const error = await expectCode(importKey({ ...a, d: b.d }), "invalid_key");
    expect(printed(error)).not.toContain(b.d);
    const algorithm = alg === "EdDSA" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
    const [one, two] = (await Promise.all([1, 2].map(() => crypto.subtle.generateKey(algorithm, false, ["sign", "verify"])))) as CryptoKeyPair[];
    await expectCode(importKey({ privateKey: (one as CryptoKeyPair).privateKey, publicKey: (two as CryptoKeyPair).publicKey }), "invalid_key");
    const imported = await importKey(one as CryptoKeyPair);
    expect(imported.alg).toBe(alg);
    await expectCode(exportKey(imported), "denied");
  });
});

describe("keys", () => {
  it("have the thumbprint and the signatures of RFC 8037", async () => {
    const key = await importKey(rfc8037);
    expect(key.thumbprint).toBe("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    const signature = await key.sign(Buffer.from("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"));
    expect(Buffer.from(signature).toString("base64url")).toBe("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  });

  it("of other kinds are refused", async () => {
    await expectCode(generateKey({ alg: "RS256" as "ES256" }), "invalid_argument");
    const p384 = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, false, ["sign", "verify"])) as CryptoKeyPair;
    await expectCode(importKey(p384), "invalid_key");
    const dh = (await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"])) as CryptoKeyPair;
    await expectCode(importKey(dh), "invalid_key");
    for (const junk of [undefined, null, 1, "key", [], {}, { kty: "OKP" }]) await expectCode(importKey(junk as unknown as CryptoKeyPair), "invalid_key");
  });
});

describe("a public JWK nobody vouches for", async () => {
  const ed = (await generateKey()).publicJwk;
  const ec = (await generateKey({ alg: "ES256" })).publicJwk as { kty: "EC"; crv: "P-256"; x: string; y: string };
  const flip = (text: string): string => `${text[0] === "A" ? "B" : "A"}${text.slice(1)}`;
  const cases: Record<string, unknown> = {
    "a private member": { ...ed, d: ed.x },
    "an unknown member": { ...ed, foo: 1 },
    "a certificate URL": { ...ed, x5u: "https://attacker.example" },
    "a symmetric key": { kty: "oct", k: ed.x },
    RSA: { kty: "RSA", n: "AQAB", e: "AQAB" },
    "another curve": { ...ed, crv: "Ed448" },
    "X25519 as a signing key": { ...ed, crv: "X25519" },
    "EC named as OKP": { ...ec, kty: "OKP" },
    "OKP named as EC": { ...ed, kty: "EC" },
    secp256k1: { ...ec, crv: "secp256k1" },
    "a y on Ed25519": { ...ed, y: ed.x },
    "no x": { kty: "OKP", crv: "Ed25519" },
    "no y": { kty: "EC", crv: "P-256", x: ec.x },
    "31 bytes": { ...ed, x: ed.x.slice(0, 42) },
    "33 bytes": { ...ed, x: `${ed.x}A` },
    padding: { ...ed, x: `${ed.x}=` },
    "a space": { ...ed, x: `${ed.x.slice(0, 42)} ` },
    "standard base64": { ...ed, x: `+${ed.x.slice(1)}` },
    "unused bits": { ...ed, x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp" },
    "a point off the curve": { ...ec, x: flip(ec.x) },
    "P-256 zero": { ...ec, x: "A".repeat(43), y: "A".repeat(43) },
    "P-256 x at p": { ...ec, x: "_____wAAAAEAAAAAAAAAAAAAAAD_______________8" },
    "an alg of another kind": { ...ed, alg: "ES256" },
    "alg none": { ...ed, alg: "none" },
    "use enc": { ...ed, use: "enc" },
    "key_ops sign": { ...ed, key_ops: ["sign"] },
    "key_ops twice": { ...ed, key_ops: ["verify", "verify"] },
    "a kid of 1 MB": { ...ed, kid: "x".repeat(1_000_000) },
    "a kid that is no string": { ...ed, kid: {} },
    "ext as text": { ...ed, ext: "true" },
    "x as an object": { ...ed, x: { toString: () => ed.x } },
    "an array": [ed],
    null: null,
    text: JSON.stringify(ed),
  };
  it.each(Object.entries(cases))("is refused with %s", async (_, jwk) => {
    await expectCode(importVerifyKey(jwk), "invalid_key");
  });

  it("is taken with the members that describe a signing key", async () => {
    const key = await importVerifyKey({ ...ed, alg: "EdDSA", use: "sig", key_ops: ["verify"], kid: "../../x", ext: true });
    expect(key.publicJwk).toEqual(ed);
    expect((await importVerifyKey({ ...ed, alg: "Ed25519" })).alg).toBe("EdDSA");
  });
});
