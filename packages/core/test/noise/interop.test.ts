import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { empty, encodeUtf8, toHex } from "../../src/bytes.js";
import { createHandshake, type HandshakeOptions } from "../../src/noise/index.js";
import { keyPair } from "./pairs.js";

/** The part of noise-c.wasm (rweather/noise-c compiled to WebAssembly: an independent implementation) that is used here. */
interface NoiseC {
  readonly constants: { readonly NOISE_ROLE_INITIATOR: number; readonly NOISE_ROLE_RESPONDER: number };
  readonly HandshakeState: new (
    protocol: string,
    role: number,
  ) => {
    Initialize(prologue: Uint8Array | null, s: Uint8Array | null, rs: Uint8Array | null, psk: Uint8Array | null): void;
    WriteMessage(payload: Uint8Array | null): Uint8Array;
    ReadMessage(message: Uint8Array, payloadNeeded: boolean): Uint8Array | null;
    GetHandshakeHash(): Uint8Array;
    Split(): [NoiseCCipher, NoiseCCipher];
  };
}

interface NoiseCCipher {
  EncryptWithAd(ad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  DecryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array;
  Rekey?(): void;
}

const load = createRequire(import.meta.url)("noise-c.wasm") as (options: { printErr: () => void }, ready: (noise: NoiseC) => void) => void;
const noiseC = await new Promise<NoiseC>((resolve) => load({ printErr: () => undefined }, resolve));

const patterns = ["NN", "NK", "NX", "KK", "XK", "XX", "IK", "IX"];
const suites = ["ChaChaPoly_SHA256", "AESGCM_SHA256", "ChaChaPoly_BLAKE2s", "AESGCM_BLAKE2s"];
const protocols = patterns.flatMap((pattern) => suites.map((suite) => `Noise_${pattern}_25519_${suite}`));

describe.each(["initiator", "responder"] as const)("live against noise-c, ours is the %s", (role) => {
  it.each(protocols)("%s", async (protocol) => {
    const [own, theirs] = [await keyPair(11), await keyPair(12)];
    const initiating = role === "initiator";
    const [first = "", second = ""] = protocol.split("_")[1] ?? "";
    const [ownLetter, theirLetter] = initiating ? [first, second] : [second, first];
    const prologue = encodeUtf8("interop");
    const options: HandshakeOptions = {
      protocol,
      role,
      prologue,
      ...(ownLetter === "N" ? {} : { staticKey: own }),
      ...(theirLetter === "K" ? { remoteStaticKey: theirs.publicKey } : {}),
    };
    const ours = await createHandshake(options);
    const peer = new noiseC.HandshakeState(protocol, initiating ? noiseC.constants.NOISE_ROLE_RESPONDER : noiseC.constants.NOISE_ROLE_INITIATOR);
    peer.Initialize(prologue, theirs.secretKey, own.publicKey, null);

    for (let i = 0; !ours.finished; i++) {
      const payload = encodeUtf8(`message ${i}`);
      if (ours.next === "write") expect(toHex(peer.ReadMessage(ours.writeMessage(payload), true) ?? empty)).toBe(toHex(payload));
      else expect(toHex(ours.readMessage(peer.WriteMessage(payload)))).toBe(toHex(payload));
    }
    expect(toHex(ours.hash)).toBe(toHex(peer.GetHandshakeHash()));
    const { send, receive } = ours.split();
    const [theirSend, theirReceive] = peer.Split();
    for (let i = 0; i < 5; i++) {
      const [ad, text] = [Uint8Array.of(i), encodeUtf8(`transport ${i}`)];
      expect(toHex(theirReceive.DecryptWithAd(ad, send?.encrypt(ad, text) as Uint8Array))).toBe(toHex(text));
      expect(toHex(receive?.decrypt(ad, theirSend.EncryptWithAd(ad, text)) ?? empty)).toBe(toHex(text));
    }
  });
});
