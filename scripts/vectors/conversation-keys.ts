import { equalBytes, toHex } from "../../packages/core/src/bytes.js";
import { crypto } from "../../packages/core/src/crypto/index.js";
import { counterOf, parseHs1, parseHs2, parseHs3 } from "../../packages/core/src/frame/frame.js";
import { createHandshake } from "../../packages/core/src/noise/index.js";
import { suiteOf } from "../../packages/core/src/secure/suites.js";
import { prologue } from "../../packages/core/src/secure/transcript.js";

export interface SentFrame {
  readonly from: "initiator" | "responder";
  readonly to: string;
  readonly frame: Uint8Array;
}

/** A side of the conversation, with all the randomness it was given, in order. */
export interface Drawn {
  readonly id: string;
  readonly instance: string;
  readonly privateJwk: object;
  readonly token: string;
  readonly drawn: readonly Uint8Array[];
}

const typeNames = ["", "HS1", "HS2", "HS3", "DATA"] as const;

/** The 32 bytes drawn before, as and after this ephemeral key: static key, ephemeral key, and what a responder encapsulates. */
function keysAround(drawn: readonly Uint8Array[], ephemeral: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const keys = drawn.filter(({ length }) => length === 32);
  const at = keys.findIndex((secret) => toHex(crypto().x25519.keyPair(secret).publicKey) === toHex(ephemeral));
  const [before, itself, after] = [keys[at - 1], keys[at], keys[at + 1]];
  if (before === undefined || itself === undefined || after === undefined) throw new Error("the ephemeral key was not drawn");
  return [before, itself, after];
}

/** Does the handshake again from its randomness, and opens every record. */
export async function explainConversation(initiator: Drawn, responder: Drawn, sent: readonly SentFrame[]) {
  const named = sent.map((one) => ({ ...one, type: typeNames[(one.frame[0] as number) & 15] ?? "" }));
  const frameOf = (type: string): SentFrame => named.find((one) => one.type === type) as SentFrame;
  const [hs1, hs2, hs3] = [parseHs1(frameOf("HS1").frame), parseHs2(frameOf("HS2").frame), parseHs3(frameOf("HS3").frame)];
  if (typeof hs1 === "string" || typeof hs2 === "string" || typeof hs3 === "string") throw new Error("a frame does not parse");
  const dialled = frameOf("HS1").to;
  const bound = prologue(dialled, new Uint8Array(0), hs1.head);
  const protocol = suiteOf(hs1.suite as 0x0101)?.protocol as string;
  const kemSeed = initiator.drawn.find(({ length }) => length === 64) as Uint8Array;
  const [aliceStatic, aliceEphemeral] = keysAround(initiator.drawn, hs1.message.subarray(0, 32));
  const [bobStatic, bobEphemeral, kemMessage] = keysAround(responder.drawn, hs2.message.subarray(0, 32));
  const { keyPair } = crypto().x25519;
  const common = { protocol, prologue: bound };
  const alice = await createHandshake({
    ...common,
    role: "initiator",
    staticKey: keyPair(aliceStatic),
    ephemeralKey: keyPair(aliceEphemeral),
    kem: { keygenSeed: kemSeed },
  });
  const bob = await createHandshake({
    ...common,
    role: "responder",
    staticKey: keyPair(bobStatic),
    ephemeralKey: keyPair(bobEphemeral),
    kem: { encapsSeed: kemMessage },
  });
  const same = (what: string, made: Uint8Array, message: Uint8Array): void => {
    if (!equalBytes(made, message)) throw new Error(`${what} does not follow from the randomness`);
  };
  same("message 1", alice.writeMessage(), hs1.message);
  const proofHash2 = toHex(alice.beginRead(hs2.message));
  const payload2 = alice.endRead();
  bob.readMessage(hs1.message);
  same("message 2", bob.writeMessage(payload2), hs2.message);
  const proofHash3 = toHex(bob.beginRead(hs3.message));
  const payload3 = bob.endRead();
  same("message 3", alice.writeMessage(payload3), hs3.message);
  const hash = toHex(alice.hash);
  const { send, receive } = alice.splitKeys();
  if (send === undefined || receive === undefined) throw new Error("no keys");
  const keys = { send, receive };
  const frames = named.map(({ type, ...one }) => ({ type, ...one, ...(type === "DATA" ? opened(one, keys) : {}) }));
  const side = <Kem extends object>(of: Drawn, secrets: [Uint8Array, Uint8Array], kem: Kem, payload: Uint8Array, proofHash: string) => {
    const { id, instance, privateJwk, token } = of;
    const [staticSecret, ephemeralSecret] = [toHex(secrets[0]), toHex(secrets[1])];
    return { id, instance, privateJwk, token, staticSecret, ephemeralSecret, ...kem, payload: toHex(payload), proofHash };
  };
  return {
    suite: hs1.suite,
    dialled,
    prologue: toHex(bound),
    initiator: side(initiator, [aliceStatic, aliceEphemeral], { kemSeed: toHex(kemSeed) }, payload3, proofHash3),
    responder: side(responder, [bobStatic, bobEphemeral], { kemMessage: toHex(kemMessage) }, payload2, proofHash2),
    hash,
    initiatorKey: toHex(keys.send),
    responderKey: toHex(keys.receive),
    frames,
  };
}

function opened({ from, frame }: SentFrame, keys: { send: Uint8Array; receive: Uint8Array }): { counter: number; record: Uint8Array } {
  const counter = counterOf(frame);
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(counter), true);
  const record = crypto().chachaPoly.open(from === "initiator" ? keys.send : keys.receive, nonce, frame.subarray(0, 20), frame.subarray(20));
  if (record === undefined) throw new Error("a record does not open");
  return { counter, record };
}
