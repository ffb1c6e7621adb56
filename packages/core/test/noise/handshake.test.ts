import { describe, expect, it } from "vitest";
import { concat, empty, encodeUtf8, isZero, toHex } from "../../src/bytes.js";
import { crypto, type KeyPair } from "../../src/crypto/index.js";
import { createHandshake, type Handshake, nonce } from "../../src/noise/index.js";
import { createVirtualRuntime, type Random } from "../../src/runtime/index.js";
import { providers } from "../crypto/providers.js";
import { keyPair, pair, run, XX, XXhfs } from "./pairs.js";

const code = (expected: string) => expect.objectContaining({ name: "TightbeamError", code: expected });
const patterns = ["NN", "NK", "NX", "KK", "XK", "XX", "IK", "IX", "N", "K", "X"];
const withPsk = ["NNpsk0", "NNpsk2", "KKpsk0", "XKpsk3", "XXpsk0+psk3", "XXpsk0+psk1+psk2+psk3", "IKpsk2", "Npsk0", "Kpsk0", "Xpsk1", "NXpsk2", "IXpsk1"];
const [native, noble] = await providers();

describe("every pattern", () => {
  it.each([...patterns, ...withPsk].map((pattern) => `Noise_${pattern}_25519_ChaChaPoly_SHA256`).concat(XXhfs))(
    "%s: both sides agree, native against noble",
    async (protocol) => {
      const payload = encodeUtf8("payload");
      const { initiator } = await pair(protocol, { crypto: native as never });
      const { responder } = await pair(protocol, { crypto: noble as never });
      run({ initiator, responder }, payload);
      expect(toHex(initiator.hash)).toBe(toHex(responder.hash));
      expect(initiator.exporter("a")).toEqual(responder.exporter("a"));
      const [a, b] = [initiator.split(), responder.split()];
      for (let i = 0; i < 3; i++) {
        const ad = Uint8Array.of(i);
        expect(b.receive?.decrypt(ad, a.send?.encrypt(ad, payload) as Uint8Array)).toEqual(payload);
        if (b.send !== undefined) expect(a.receive?.decrypt(ad, b.send.encrypt(ad, payload))).toEqual(payload);
        a.send?.rekey();
        b.receive?.rekey();
      }
    },
  );

  it("makes new keys each time without injected randomness", async () => {
    const staticKey = await keyPair(1);
    for (const protocol of [XX, XXhfs]) {
      const [a, b] = await Promise.all([1, 2].map(() => createHandshake({ protocol, role: "initiator", staticKey })));
      expect(toHex(a?.writeMessage() ?? empty)).not.toBe(toHex(b?.writeMessage() ?? empty));
    }
  });

  it("finishes a hybrid handshake with the fastest KEM and the system's randomness", async () => {
    const initiator = await createHandshake({ protocol: XXhfs, role: "initiator", staticKey: await keyPair(1) });
    const responder = await createHandshake({ protocol: XXhfs, role: "responder", staticKey: await keyPair(2) });
    const messages = run({ initiator, responder });
    expect(messages.map((message) => message.length)).toEqual([32 + 1_184, 32 + 1_104 + 48 + 16, 64]);
    expect(toHex(initiator.splitKeys().send as Uint8Array)).toBe(toHex(responder.splitKeys().receive as Uint8Array));
  });

  it.each([
    ["prologue", { prologue: encodeUtf8("other") }],
    ["psk", { psks: [new Uint8Array(32)] }],
  ])("another %s never authenticates", async (what, initiator) => {
    const protocol = what === "psk" ? "Noise_NNpsk0_25519_ChaChaPoly_SHA256" : XX;
    const pairs = await pair(protocol, { initiator });
    expect(() => run(pairs)).toThrowError(code("auth"));
  });
});

describe("what the caller sees", () => {
  it("knows its role, turn, peer and end", async () => {
    const { initiator, responder } = await pair(XX);
    expect([initiator.role, responder.role, initiator.next, responder.next, initiator.protocol]).toEqual(["initiator", "responder", "write", "read", XX]);
    expect(initiator.remoteStaticKey).toBeUndefined();
    responder.readMessage(initiator.writeMessage());
    initiator.readMessage(responder.writeMessage());
    expect(toHex(initiator.remoteStaticKey ?? empty)).toBe(toHex((await keyPair(2)).publicKey));
    expect(responder.finished).toBe(false);
    responder.readMessage(initiator.writeMessage());
    expect([initiator.finished, responder.finished, initiator.next, responder.next]).toEqual([true, true, undefined, undefined]);
  });

  it("carries payloads in every message", async () => {
    const { initiator, responder } = await pair(XX);
    for (const [i, text] of ["one", "two", "three"].entries()) {
      const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
      expect(reader.readMessage(writer.writeMessage(encodeUtf8(text)))).toEqual(encodeUtf8(text));
    }
  });

  it("gives h before the payload to both sides, so that the payload can sign it", async () => {
    const { initiator, responder } = await pair(XX);
    for (let i = 0; i < 3; i++) {
      const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
      const h = writer.beginWrite();
      const message = writer.endWrite(h);
      expect(toHex(reader.beginRead(message))).toBe(toHex(h));
      expect(toHex(reader.endRead())).toBe(toHex(h));
    }
    expect(toHex(initiator.hash)).toBe(toHex(responder.hash));
  });

  it("exports HMAC-SHA256(ck, label || h), before split and for SHA256 only", async () => {
    const pairs = await pair(XX);
    expect(() => pairs.initiator.exporter("x")).toThrowError(code("invalid_argument"));
    run(pairs);
    const { initiator, responder } = pairs;
    expect(toHex(initiator.exporter("a\0"))).toBe(toHex(responder.exporter("a\0")));
    expect(toHex(initiator.exporter("a"))).not.toBe(toHex(initiator.exporter("b")));
    expect(toHex(initiator.exporter("a"))).not.toBe(toHex(initiator.hash));
    initiator.split();
    expect(() => initiator.exporter("a")).toThrowError(code("invalid_argument"));
    const blake = await pair("Noise_XX_25519_ChaChaPoly_BLAKE2s");
    run(blake);
    expect(() => blake.initiator.exporter("a")).toThrowError(code("unsupported"));
  });

  it("does not change when the caller reuses its buffers", async () => {
    const prologue = encodeUtf8("p");
    const psk = new Uint8Array(32).fill(9);
    const protocol = "Noise_XXpsk3_25519_ChaChaPoly_SHA256";
    const pairs = await pair(protocol, { initiator: { prologue, psks: [psk] }, responder: { prologue: encodeUtf8("p"), psks: [new Uint8Array(32).fill(9)] } });
    prologue.fill(0);
    psk.fill(0);
    const { initiator, responder } = pairs;
    responder.readMessage(initiator.writeMessage());
    const message = responder.writeMessage(encodeUtf8("kept"));
    initiator.beginRead(message);
    message.fill(0);
    const payload = initiator.endRead();
    expect(payload).toEqual(encodeUtf8("kept"));
    initiator.hash.fill(0);
    initiator.remoteStaticKey?.fill(0);
    responder.readMessage(initiator.writeMessage());
    expect(toHex(initiator.hash)).toBe(toHex(responder.hash));
  });
});

describe("refusals of createHandshake", () => {
  const X32 = new Uint8Array(32).fill(1);
  const s: KeyPair = { publicKey: X32, secretKey: X32 };
  const base = { protocol: XX, role: "initiator", staticKey: s } as const;
  it.each<[string, object]>([
    ["no static key where the pattern sends one", { ...base, staticKey: undefined }],
    ["a static key where the pattern has none", { ...base, protocol: "Noise_NN_25519_ChaChaPoly_SHA256" }],
    ["a remote key that the pattern would learn, so that it would not be checked", { ...base, remoteStaticKey: X32 }],
    ["no remote key where it must be known", { ...base, protocol: "Noise_XK_25519_ChaChaPoly_SHA256" }],
    ["a responder of N without its static key", { protocol: "Noise_N_25519_ChaChaPoly_SHA256", role: "responder" }],
    ["a responder of K without the initiator's key", { protocol: "Noise_K_25519_ChaChaPoly_SHA256", role: "responder", staticKey: s }],
    ["a psk too few", { ...base, protocol: "Noise_XXpsk3_25519_ChaChaPoly_SHA256" }],
    ["a psk too many", { ...base, psks: [X32] }],
    ["a short psk", { ...base, protocol: "Noise_XXpsk3_25519_ChaChaPoly_SHA256", psks: [X32.subarray(1)] }],
    ["kem without a hybrid", { ...base, kem: {} }],
    ["a short keygen seed", { ...base, protocol: XXhfs, kem: { keygenSeed: X32 } }],
    ["a long m", { ...base, protocol: XXhfs, kem: { encapsSeed: new Uint8Array(64) } }],
    ["a static key of 31 bytes", { ...base, staticKey: { publicKey: X32, secretKey: X32.subarray(1) } }],
    ["a static key in text", { ...base, staticKey: { publicKey: "a".repeat(32), secretKey: X32 } }],
    ["an ephemeral key of 33 bytes", { ...base, ephemeralKey: { publicKey: new Uint8Array(33), secretKey: X32 } }],
    ["a remote key of 33 bytes", { ...base, protocol: "Noise_XK_25519_ChaChaPoly_SHA256", remoteStaticKey: new Uint8Array(33) }],
    ["a prologue in text", { ...base, prologue: "text" }],
    ["another role", { ...base, role: "client" }],
    ["no role", { ...base, role: undefined }],
  ])("%s", async (_what, options) => {
    await expect(createHandshake(options as Parameters<typeof createHandshake>[0])).rejects.toEqual(code("invalid_argument"));
  });
});

describe("order", () => {
  it("refuses every step out of turn and changes nothing by it", async () => {
    const { initiator, responder } = await pair(XX);
    const refused = (run: () => unknown) => expect(run).toThrowError(code("invalid_argument"));
    refused(() => initiator.readMessage(new Uint8Array(64)));
    refused(() => responder.writeMessage());
    refused(() => initiator.endWrite(empty));
    refused(() => initiator.endRead());
    refused(() => initiator.split());
    refused(() => initiator.splitKeys());
    refused(() => initiator.writeMessage("text" as unknown as Uint8Array));
    const first = initiator.writeMessage();
    refused(() => initiator.writeMessage());
    refused(() => responder.readMessage("text" as unknown as Uint8Array));
    responder.beginRead(first);
    refused(() => responder.endWrite(empty));
    responder.endRead();
    refused(() => responder.endRead());
    initiator.readMessage(responder.writeMessage());
    responder.readMessage(initiator.writeMessage());
    for (const side of [initiator, responder]) {
      refused(() => side.writeMessage());
      refused(() => side.readMessage(first));
    }
    initiator.split();
    refused(() => initiator.split());
    refused(() => initiator.splitKeys());
    expect(responder.split().send).toBeDefined();
  });

  it("refuses messages and payloads above 65,535 bytes, and takes exactly that", async () => {
    const { initiator, responder } = await pair(XX);
    const room = 65_535 - 32;
    expect(() => initiator.writeMessage(new Uint8Array(room + 1))).toThrowError(code("too_large"));
    const message = initiator.writeMessage(new Uint8Array(room));
    expect(message).toHaveLength(65_535);
    expect(() => responder.readMessage(concat(message, Uint8Array.of(0)))).toThrowError(code("malformed"));
    expect(responder.readMessage(message)).toHaveLength(room);
    responder.beginWrite();
    expect(() => responder.endWrite(new Uint8Array(65_535))).toThrowError(code("too_large"));
    expect(initiator.readMessage(responder.endWrite(encodeUtf8("still fine")))).toEqual(encodeUtf8("still fine"));
  });
});

describe("secrets", () => {
  it("erases what it can on split and on erase", async () => {
    const pairs = await pair(XX);
    run(pairs);
    pairs.initiator.erase();
    for (const step of [() => pairs.initiator.split(), () => pairs.initiator.exporter("a"), () => pairs.initiator.writeMessage()])
      expect(step).toThrowError(code("invalid_argument"));
    const unfinished = await pair(XX);
    unfinished.initiator.erase();
    expect(() => unfinished.initiator.writeMessage()).toThrowError(code("invalid_argument"));
  });

  it.each([XX, XXhfs])("%s: erases the ephemeral key of a message that is given up", async (protocol) => {
    const own = crypto();
    const made: Uint8Array[] = [];
    const keyPairOf = (secret: Uint8Array): KeyPair => {
      const pair = own.x25519.keyPair(secret);
      made.push(pair.secretKey);
      return pair;
    };
    const spy = { ...own, x25519: { ...own.x25519, keyPair: keyPairOf } };
    const unread = await pair(protocol, { crypto: spy });
    const first = unread.initiator.writeMessage();
    // Of small order: the message fails after the key was made.
    const wrong = first.slice().fill(0, 0, 32);
    unread.responder.readMessage(wrong);
    expect(() => unread.responder.beginWrite()).toThrowError(code("invalid_key"));
    const begun = await pair(protocol, { crypto: spy });
    begun.responder.readMessage(begun.initiator.writeMessage());
    begun.responder.beginWrite();
    begun.responder.beginWrite();
    begun.responder.erase();
    unread.initiator.erase();
    begun.initiator.erase();
    expect(made).toHaveLength(5);
    expect(made.map(isZero)).toEqual([true, true, true, true, true]);
  });

  it("leaves the keys that the caller injected alone", async () => {
    const ephemeralKey = crypto().x25519.keyPair(new Uint8Array(32).fill(5));
    const staticKey = await keyPair(1);
    const pairs = await pair(XX, { initiator: { ephemeralKey, staticKey } });
    run(pairs);
    pairs.initiator.split();
    expect(toHex(ephemeralKey.secretKey)).toBe("05".repeat(32));
    expect(toHex(staticKey.secretKey)).toBe("01".repeat(32));
  });

  const generators: [string, () => unknown][] = [
    [
      "throws",
      () => {
        throw new Error("no entropy");
      },
    ],
    ["runs short", () => new Uint8Array(31)],
    ["gives zeros", () => new Uint8Array(32)],
    ["gives nothing", () => undefined],
  ];
  it.each(generators)("refuses to go on when the generator %s, and goes on when it works again", async (_what, broken) => {
    const working = createVirtualRuntime({ seed: 9 }).random;
    let bytes: (length: number) => unknown = broken;
    const random: Random = { bytes: (length) => bytes(length) as Uint8Array };
    const { initiator, responder } = await pair(XX, { initiator: { random } });
    const before = toHex(initiator.hash);
    expect(() => initiator.writeMessage()).toThrowError(code("internal"));
    expect([toHex(initiator.hash), initiator.next]).toEqual([before, "write"]);
    bytes = working.bytes;
    run({ initiator, responder });
    expect(toHex(initiator.hash)).toBe(toHex(responder.hash));
  });

  it("draws ML-KEM's randomness from the given generator too, and fails with it", async () => {
    const message = async (seed: number) => {
      const { initiator, responder } = await pair(XXhfs, { seed });
      responder.readMessage(initiator.writeMessage());
      return toHex(responder.writeMessage());
    };
    expect(await message(1)).toBe(await message(1));
    expect(await message(1)).not.toBe(await message(2));
    const working = createVirtualRuntime({ seed: 9 }).random;
    let calls = 0;
    const random: Random = { bytes: (length) => (++calls === 2 ? new Uint8Array(length) : working.bytes(length)) };
    for (const role of ["initiator", "responder"] as const) {
      calls = 0;
      const { initiator, responder } = await pair(XXhfs, { [role]: { random } });
      if (role === "responder") responder.readMessage(initiator.writeMessage());
      expect(() => (role === "initiator" ? initiator : responder).writeMessage()).toThrowError(code("internal"));
    }
  });
});

describe("fork", () => {
  /** An initiator of XX after message 1, and two answers to it. */
  async function twoAnswers() {
    const { initiator, responder } = await pair(XX);
    const other = (await pair(XX, { responder: { random: createVirtualRuntime({ seed: 77 }).random, staticKey: await keyPair(3) } })).responder;
    const first = initiator.writeMessage();
    responder.readMessage(first);
    other.readMessage(first);
    return { initiator, responders: [responder, other] as const };
  }

  it("reads several answers independently, and each copy can finish with its own peer", async () => {
    const { initiator, responders } = await twoAnswers();
    const copies = [initiator.fork(), initiator.fork()] as const;
    for (const [i, responder] of responders.entries()) (copies[i] as Handshake).readMessage(responder.writeMessage());
    expect(initiator.next).toBe("read");
    for (const [i, responder] of responders.entries()) {
      const copy = copies[i] as Handshake;
      responder.readMessage(copy.writeMessage(encodeUtf8("to you")));
      const [a, b] = [copy.split(), responder.split()];
      expect(b.receive?.decrypt(empty, a.send?.encrypt(empty, Uint8Array.of(i)) as Uint8Array)).toEqual(Uint8Array.of(i));
    }
  });

  it("never lets two copies write, or split, with the same key and nonce", async () => {
    const { initiator, responders } = await twoAnswers();
    const answer = responders[0].writeMessage();
    const [a, b, c] = [initiator.fork(), initiator.fork(), initiator] as const;
    for (const copy of [a, b, c]) copy.readMessage(answer);
    const message = a.writeMessage(encodeUtf8("one"));
    for (const copy of [b, c]) expect(() => copy.writeMessage(encodeUtf8("two"))).toThrowError(code("invalid_argument"));
    expect(responders[0].readMessage(message)).toEqual(encodeUtf8("one"));

    const nn = await pair("Noise_NN_25519_ChaChaPoly_SHA256");
    nn.responder.readMessage(nn.initiator.writeMessage());
    const copy = nn.initiator.fork();
    const reply = nn.responder.writeMessage();
    nn.initiator.readMessage(reply);
    copy.readMessage(reply);
    copy.split();
    expect(() => nn.initiator.split()).toThrowError(code("invalid_argument"));
  });

  it("is for waiting handshakes only", async () => {
    const { initiator, responder } = await pair(XX);
    expect(() => initiator.fork()).toThrowError(code("invalid_argument"));
    const first = initiator.writeMessage();
    responder.beginRead(first);
    expect(() => responder.fork()).toThrowError(code("invalid_argument"));
    responder.endRead();
    expect(() => responder.fork()).toThrowError(code("invalid_argument"));
  });

  it("survives the erasure of its origin, and the other way round", async () => {
    const { initiator, responders } = await twoAnswers();
    const copy = initiator.fork();
    const second = copy.fork();
    initiator.erase();
    second.erase();
    copy.readMessage(responders[0].writeMessage());
    responders[0].readMessage(copy.writeMessage());
    expect(toHex(copy.hash)).toBe(toHex(responders[0].hash));
  });
});

describe("nonce", () => {
  it("is 32 zero bits and the counter: little-endian for ChaChaPoly, big-endian for AESGCM", () => {
    const n = 0x0001_0203_0405_06;
    expect(toHex(nonce("ChaChaPoly", n))).toBe("000000000605040302010000");
    expect(toHex(nonce("AESGCM", n))).toBe("000000000000010203040506");
    expect(toHex(nonce("ChaChaPoly", Number.MAX_SAFE_INTEGER))).toBe("00000000ffffffffffff1f00");
  });
});
