import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, encodeUtf8, toHex } from "../../src/bytes.js";
import { TightbeamError } from "../../src/errors.js";
import type { Handshake } from "../../src/noise/index.js";
import { pair, XX, XXhfs } from "./pairs.js";

const codes = ["malformed", "auth", "invalid_key"];
const protocols = [XX, XXhfs, "Noise_IK_25519_AESGCM_BLAKE2s", "Noise_NNpsk0_25519_ChaChaPoly_SHA256", "Noise_X_25519_ChaChaPoly_SHA256"];

/** A handshake in which `reader` waits for `message`, the `step`th. */
async function waiting(protocol: string, step: number): Promise<{ reader: Handshake; writer: Handshake; message: Uint8Array } | undefined> {
  const { initiator, responder } = await pair(protocol);
  for (let i = 0; ; i++) {
    if (initiator.finished) return undefined;
    const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
    const message = writer.writeMessage(encodeUtf8("payload"));
    if (i === step) return { reader, writer, message };
    reader.readMessage(message);
  }
}

/** True when refused with a typed error and without a trace; a message that carries no authentication may be taken. */
function refused(reader: Handshake, message: Uint8Array): boolean {
  const before = [toHex(reader.hash), reader.next, reader.finished, reader.remoteStaticKey];
  try {
    reader.readMessage(message);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(TightbeamError);
    expect(codes).toContain((error as TightbeamError).code);
    expect([toHex(reader.hash), reader.next, reader.finished, reader.remoteStaticKey]).toEqual(before);
    return true;
  }
}

describe.each(protocols)("readMessage, %s", (protocol) => {
  it("answers any bytes with a typed error and no trace; afterwards the right message still works", async () => {
    for (let step = 0; ; step++) {
      const start = await waiting(protocol, step);
      if (start === undefined) break;
      const { message } = start;
      const any = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ minLength: 1_100, maxLength: 1_300 }),
        fc.nat({ max: message.length - 1 }).map((length) => message.subarray(0, length)),
        fc.tuple(fc.nat({ max: message.length - 1 }), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
          const copy = message.slice();
          copy[at] = (copy[at] as number) ^ bits;
          return copy;
        }),
        fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => concat(message, more)),
      );
      let reader = start.reader;
      await fc.assert(
        fc.asyncProperty(any, async (bytes) => {
          // The first message of XX and XXhfs carries no authentication: what it says is only bound by later ones.
          if (!refused(reader, bytes)) {
            expect([XX, XXhfs].includes(protocol) && step === 0).toBe(true);
            reader = (await waiting(protocol, step))?.reader as Handshake;
          }
        }),
        { numRuns: protocol === XXhfs ? 40 : 80 },
      );
      expect(reader.readMessage(message)).toEqual(encodeUtf8("payload"));
    }
  });
});

describe("a changed byte", () => {
  it("anywhere in an authenticated message is refused, and the right one is then taken", async () => {
    for (const step of [1, 2]) {
      const { reader, message } = (await waiting(XX, step)) as { reader: Handshake; message: Uint8Array };
      for (let at = 0; at < message.length; at++) {
        const changed = message.slice();
        changed[at] = (changed[at] as number) ^ 0x40;
        expect(refused(reader, changed), `byte ${at} of message ${step + 1}`).toBe(true);
      }
      expect(reader.readMessage(message)).toEqual(encodeUtf8("payload"));
    }
  });

  it("in the first message of XX is refused with the second", async () => {
    const { initiator, responder } = await pair(XX);
    const first = initiator.writeMessage();
    first[3] = (first[3] as number) ^ 1;
    responder.readMessage(first);
    expect(refused(initiator, responder.writeMessage())).toBe(true);
  });
});

describe("small-order and non-canonical keys", () => {
  it("of a peer end the message with invalid_key", async () => {
    const { initiator, responder } = await pair("Noise_NN_25519_ChaChaPoly_SHA256");
    responder.readMessage(new Uint8Array(32));
    expect(() => responder.writeMessage()).toThrowError(expect.objectContaining({ code: "invalid_key" }));
    initiator.writeMessage();
    expect(() => initiator.readMessage(new Uint8Array(48))).toThrowError(expect.objectContaining({ code: "invalid_key" }));
    const hybrid = await pair(XXhfs);
    const first = hybrid.initiator.writeMessage();
    hybrid.responder.readMessage(concat(first.subarray(0, 32), new Uint8Array(1_184).fill(0xff)));
    expect(() => hybrid.responder.writeMessage()).toThrowError(expect.objectContaining({ code: "invalid_key" }));
  });
});
