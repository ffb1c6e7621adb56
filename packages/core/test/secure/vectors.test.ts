import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type FrameVectors, frameVectors } from "../../../../scripts/vectors/frame.js";
import { type HandshakeVectors, handshakeVectors } from "../../../../scripts/vectors/handshake.js";
import { type SessionVectors, sessionVectors } from "../../../../scripts/vectors/session.js";
import { fromHex, toHex } from "../../src/bytes.js";
import { crypto } from "../../src/crypto/index.js";
import { counterOf, dataFault, parseHs1, parseHs2, parseHs3, parseRetry, sessionIdOf } from "../../src/frame/frame.js";
import { importVerifyKey, verifyProof } from "../../src/identity/index.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import { decodePayload } from "../../src/secure/payload.js";
import { createSession } from "../../src/secure/session.js";

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../../vectors/${name}.json`, import.meta.url), "utf8"));
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("vectors/frame.json", () => {
  const frozen = read("frame") as FrameVectors;
  it("is what the script makes: a change is a change of protocol", () => expect(plain(frameVectors())).toEqual(frozen));
  it.each(frozen.frames)("$description", ({ type, fields, frame }) => {
    const bytes = fromHex(frame);
    const hex = (value: unknown): unknown => (value instanceof Uint8Array ? toHex(value) : value);
    const parsed = { HS1: parseHs1, HS2: parseHs2, HS3: parseHs3, RETRY: parseRetry, DATA: () => ({ counter: counterOf(bytes), message: bytes.subarray(20) }) }[
      type
    ](bytes);
    if (typeof parsed === "string") throw new Error(parsed);
    const seen = Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, hex(value)]));
    for (const [name, value] of Object.entries(fields)) {
      if (name === "to") expect(sessionIdOf(bytes)).toBe(Number.parseInt(value as string, 16));
      else expect(seen[name]).toEqual(value);
    }
    if (type === "DATA") expect(dataFault(bytes, sessionIdOf(bytes))).toBeUndefined();
  });
  it.each(frozen.dropped)("dropped: $description", ({ parser, reason, frame }) => {
    expect({ HS1: parseHs1, HS2: parseHs2, HS3: parseHs3, RETRY: parseRetry }[parser](fromHex(frame))).toBe(reason);
  });
});

describe("vectors/session.json", () => {
  const frozen = read("session") as SessionVectors;
  it("is what the script makes: a change is a change of protocol", () => expect(plain(sessionVectors())).toEqual(frozen));
  it("opens, record by record", () => {
    const receiver = createSession({
      suite: 0x0101,
      localId: Number.parseInt(frozen.to, 16),
      remoteId: new Uint8Array(8),
      sendKey: new Uint8Array(32),
      receiveKey: fromHex(frozen.key),
      hash: new Uint8Array(32),
      exporter: new Uint8Array(32),
      aead: crypto().chachaPoly,
      clock: createVirtualRuntime({ seed: 1 }).clock,
    });
    for (const { frame, plaintext, counter, epoch } of frozen.records) {
      expect(toHex(receiver.open(fromHex(frame)) ?? new Uint8Array(1))).toBe(plaintext);
      expect([receiver.lastOpened, receiver.epoch.receive]).toEqual([counter, epoch]);
    }
  });
});

describe("vectors/handshake.json", () => {
  const frozen = read("handshake") as HandshakeVectors;
  it("is what the script makes: a change is a change of protocol", async () => expect(plain(await handshakeVectors())).toEqual(frozen));
  it.each(frozen.handshakes)("$description: proofs and keys", async ({ initiator, responder, initiatorKey, frames, ready }) => {
    for (const [side, message] of [
      [responder, 2],
      [initiator, 3],
    ] as const) {
      const { proof, token, instance } = decodePayload(fromHex(side.payload), message);
      expect({ token, instance }).toEqual({ token: side.token, instance: side.instance });
      const key = await importVerifyKey(side.publicJwk);
      expect(await verifyProof(key, "tightbeam-pop+jws", fromHex(side.proofPayload), proof)).toBe(true);
    }
    expect(ready.slice(0, 8)).toBe("07000024");
    expect(ready.slice(8, 72)).toBe(toHex(crypto().sha256.digest(fromHex(initiator.payload))));
    expect(initiatorKey).toHaveLength(64);
    expect(frames.at(-1)?.type).toBe("READY");
  });
});
