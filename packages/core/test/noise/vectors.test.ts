import { describe, expect, it } from "vitest";
import { concat, empty, fromHex, toHex } from "../../src/bytes.js";
import type { CryptoProvider, KeyPair } from "../../src/crypto/index.js";
import { createHandshake, type HandshakeOptions } from "../../src/noise/index.js";
import { providers } from "../crypto/providers.js";
import { describeVectors } from "../vectors.js";

interface NoiseVector {
  readonly source: string;
  readonly protocol_name: string;
  readonly init_prologue?: string;
  readonly init_psks?: readonly string[];
  readonly init_ephemeral?: string;
  readonly init_static?: string;
  readonly init_remote_static?: string;
  readonly resp_prologue?: string;
  readonly resp_psks?: readonly string[];
  readonly resp_ephemeral?: string;
  readonly resp_static?: string;
  readonly resp_remote_static?: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

function optionsOf(vector: NoiseVector, side: "init" | "resp", crypto: CryptoProvider): HandshakeOptions {
  const pair = (secret: string | undefined): KeyPair | undefined => (secret === undefined ? undefined : crypto.x25519.keyPair(fromHex(secret)));
  const staticKey = pair(vector[`${side}_static`]);
  const ephemeralKey = pair(vector[`${side}_ephemeral`]);
  const remote = vector[`${side}_remote_static`];
  return {
    protocol: vector.protocol_name,
    role: side === "init" ? "initiator" : "responder",
    prologue: fromHex(vector[`${side}_prologue`] ?? ""),
    psks: (vector[`${side}_psks`] ?? []).map(fromHex),
    crypto,
    ...(staticKey === undefined ? {} : { staticKey }),
    ...(ephemeralKey === undefined ? {} : { ephemeralKey }),
    ...(remote === undefined ? {} : { remoteStaticKey: fromHex(remote) }),
  };
}

describeVectors<{ vectors: readonly NoiseVector[] }>("Noise rev 34 vectors", "noise/noise-filtered.json", ({ vectors }) => {
  it("are the 180 that the project promises", () => {
    expect(vectors).toHaveLength(180);
  });

  describe.each([0, 1])("provider %i", (index) => {
    it.each(vectors.map((vector, i) => [`${i} ${vector.source} ${vector.protocol_name}`, vector] as const))("%s", async (_name, vector) => {
      const crypto = (await providers())[index] as CryptoProvider;
      const initiator = await createHandshake(optionsOf(vector, "init", crypto));
      const responder = await createHandshake(optionsOf(vector, "resp", crypto));
      const oneWay = /^Noise_[NKX](psk|_)/.test(vector.protocol_name);

      const rest = [...vector.messages];
      let fromInitiator = true;
      while (!initiator.finished) {
        const message = rest.shift();
        if (message === undefined) throw new Error("vector too short");
        const [writer, reader] = fromInitiator ? [initiator, responder] : [responder, initiator];
        const sent = writer.writeMessage(fromHex(message.payload));
        expect(toHex(sent)).toBe(message.ciphertext);
        expect(toHex(reader.readMessage(fromHex(message.ciphertext)))).toBe(message.payload);
        fromInitiator = !fromInitiator;
      }
      expect(responder.finished).toBe(true);
      expect(toHex(initiator.hash)).toBe(toHex(responder.hash));
      if (vector.handshake_hash !== undefined) expect(toHex(initiator.hash)).toBe(vector.handshake_hash);

      const a = initiator.split();
      const b = responder.split();
      expect(a.receive === undefined).toBe(oneWay);
      expect(b.send === undefined).toBe(oneWay);
      expect(rest.length).toBeGreaterThan(0);
      for (const { payload, ciphertext } of rest) {
        const [send, receive] = oneWay || fromInitiator ? [a.send, b.receive] : [b.send, a.receive];
        expect(toHex(send?.encrypt(empty, fromHex(payload)) as Uint8Array)).toBe(ciphertext);
        expect(toHex(receive?.decrypt(empty, fromHex(ciphertext)) as Uint8Array)).toBe(payload);
        fromInitiator = !fromInitiator;
      }
    });
  });
});

interface HybridVector {
  readonly static_i_public: string;
  readonly static_i_private: string;
  readonly static_r_public: string;
  readonly static_r_private: string;
  readonly ephemeral_dh_i_private: string;
  readonly ephemeral_dh_r_private: string;
  readonly ephemeral_kem_i_seed: string;
  readonly encap_seed_hex: string;
  readonly prologue: string;
  readonly msg_a: string;
  readonly msg_b: string;
  readonly msg_c: string;
  readonly handshake_hash: string;
  readonly cs1_k: string;
  readonly cs2_k: string;
}

describeVectors<{ protocol: string; vectors: readonly HybridVector[] }>("XXhfs vectors", "noise/xxhfs-mlkem768-libp2p-seeds.json", ({ protocol, vectors }) => {
  it("are the five that the project promises", () => {
    expect(vectors).toHaveLength(5);
  });

  describe.each([0, 1])("provider %i", (index) => {
    it.each(vectors.map((vector, i) => [i, vector] as const))("vector %i", async (_i, vector) => {
      const crypto = (await providers())[index] as CryptoProvider;
      const pair = (secret: string): KeyPair => crypto.x25519.keyPair(fromHex(secret));
      const common = { protocol, prologue: fromHex(vector.prologue), crypto };
      const make = () =>
        Promise.all([
          createHandshake({
            ...common,
            role: "initiator",
            staticKey: pair(vector.static_i_private),
            ephemeralKey: pair(vector.ephemeral_dh_i_private),
            kem: { keygenSeed: fromHex(vector.ephemeral_kem_i_seed) },
          }),
          createHandshake({
            ...common,
            role: "responder",
            staticKey: pair(vector.static_r_private),
            ephemeralKey: pair(vector.ephemeral_dh_r_private),
            kem: { encapsSeed: fromHex(vector.encap_seed_hex) },
          }),
        ]);
      const [initiator, responder] = await make();
      expect(toHex(initiator.writeMessage())).toBe(vector.msg_a);
      expect(responder.readMessage(fromHex(vector.msg_a))).toHaveLength(0);
      expect(toHex(responder.writeMessage())).toBe(vector.msg_b);
      expect(initiator.readMessage(fromHex(vector.msg_b))).toHaveLength(0);
      expect(toHex(initiator.writeMessage())).toBe(vector.msg_c);
      expect(responder.readMessage(fromHex(vector.msg_c))).toHaveLength(0);
      expect(toHex(initiator.remoteStaticKey ?? empty)).toBe(vector.static_r_public);
      expect(toHex(responder.remoteStaticKey ?? empty)).toBe(vector.static_i_public);
      for (const side of [initiator, responder]) expect(toHex(side.hash)).toBe(vector.handshake_hash);
      const a = initiator.splitKeys();
      const b = responder.splitKeys();
      expect([a.send, a.receive].map((key) => toHex(key ?? empty))).toEqual([vector.cs1_k, vector.cs2_k]);
      expect([b.receive, b.send].map((key) => toHex(key ?? empty))).toEqual([vector.cs1_k, vector.cs2_k]);

      // The same in two steps, as secure/ uses it: h before the payload is equal on both sides.
      const [i2, r2] = await make();
      i2.beginWrite();
      const first = i2.endWrite(empty);
      r2.beginRead(first);
      r2.endRead();
      const before = r2.beginWrite();
      const second = r2.endWrite(empty);
      expect(concat(second)).toEqual(fromHex(vector.msg_b));
      expect(toHex(i2.beginRead(second))).toBe(toHex(before));
    });
  });
});
