import { concat } from "../../src/bytes.js";
import { crypto } from "../../src/crypto/index.js";
import { buildHs1Head, buildHs2, buildHs3, parseHs1, parseHs2, parseHs3 } from "../../src/frame/frame.js";
import { credential } from "../../src/identity/credential.js";
import { type Identity, signProof } from "../../src/identity/index.js";
import { createHandshake, type Handshake } from "../../src/noise/index.js";
import { encodeFields, type PayloadFields } from "../../src/secure/payload.js";
import { prologue, proofPayload, type Role } from "../../src/secure/transcript.js";
import { announced } from "./world.js";

/** A peer that holds all keys of an agent and keeps to the protocol only where the test lets it. */

export interface Lies {
  readonly fields?: Partial<PayloadFields>;
  /** Rewrites the TLVs before they are signed. */
  readonly tlvs?: (bytes: Uint8Array) => Uint8Array;
  /** Rewrites the payload after it was signed. */
  readonly payload?: (bytes: Uint8Array) => Uint8Array;
  readonly role?: Role;
  readonly h?: Uint8Array;
  readonly proofType?: "tightbeam-pop+jws" | "tightbeam-relay+jws";
  readonly headerSessionId?: Uint8Array;
  readonly headerReplyTo?: string;
}

export const protocols: Record<number, string> = { 257: "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256", 1: "Noise_XX_25519_ChaChaPoly_SHA256" };
const staticKey = () => crypto().x25519.keyPair(globalThis.crypto.getRandomValues(new Uint8Array(32)));

export const tlv = (type: number, value: Uint8Array | number[]): Uint8Array => Uint8Array.from([type, value.length >> 8, value.length & 255, ...value]);

async function payload(identity: Identity, role: Role, h: Uint8Array, fields: PayloadFields, lies: Lies): Promise<Uint8Array> {
  const { key } = identity;
  const plain = encodeFields({ ...fields, ...lies.fields });
  const signed = lies.tlvs?.(plain) ?? plain;
  const proof = await signProof(key, lies.proofType ?? "tightbeam-pop+jws", proofPayload(crypto().sha256, lies.role ?? role, lies.h ?? h, signed));
  const whole = concat(signed, tlv(0xff, new TextEncoder().encode(proof)));
  return lies.payload?.(whole) ?? whole;
}

/** HS2 in answer to an HS1, and the handshake it belongs to. */
export async function rawHs2(
  identity: Identity,
  instance: string,
  dialled: string,
  frame: Uint8Array,
  time: number,
  lies: Lies = {},
): Promise<{ frame: Uint8Array; handshake: Handshake; read(hs3: Uint8Array): Uint8Array }> {
  const hs1 = parseHs1(frame);
  if (typeof hs1 === "string") throw new Error(hs1);
  const handshake = await createHandshake({
    protocol: protocols[hs1.suite] as string,
    role: "responder",
    prologue: prologue(dialled, new Uint8Array(0), hs1.head),
    staticKey: staticKey(),
  });
  handshake.readMessage(hs1.message);
  const h = handshake.beginWrite();
  const sessionId = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9);
  const { token, jwk } = await credential(identity);
  const fields: PayloadFields = { token, sessionId, suites: [hs1.suite], time, limits: announced, jwk, instance, link: undefined };
  const message = handshake.endWrite(await payload(identity, "responder", h, fields, lies));
  return {
    handshake,
    read: (hs3) => handshake.readMessage((parseHs3(hs3) as { message: Uint8Array }).message),
    frame: buildHs2({
      suite: hs1.suite,
      to: hs1.sessionId,
      sessionId: lies.headerSessionId ?? sessionId,
      replyTo: lies.headerReplyTo ?? `inbox/${identity.id}/${instance}`,
      message,
    }),
  };
}

/** HS1, and what makes HS3 from the HS2 that answers it. */
export async function rawHs1(
  identity: Identity,
  instance: string,
  dialled: string,
  time: number,
  options: { suite?: number; suites?: readonly number[]; replyTo?: string } = {},
): Promise<{ frame: Uint8Array; hs3(hs2: Uint8Array, lies?: Lies): Promise<Uint8Array>; handshake: Handshake }> {
  const suite = options.suite ?? 1;
  const suites = options.suites ?? [suite];
  const sessionId = globalThis.crypto.getRandomValues(new Uint8Array(8));
  sessionId.fill(0, 0, 2);
  const head = buildHs1Head({ suite, sessionId, replyTo: options.replyTo ?? `inbox/${identity.id}/${instance}`, suites });
  const handshake = await createHandshake({
    protocol: protocols[suite] as string,
    role: "initiator",
    prologue: prologue(dialled, new Uint8Array(0), head),
    staticKey: staticKey(),
  });
  const frame = concat(head, handshake.writeMessage());
  return {
    frame,
    handshake,
    async hs3(bytes, lies = {}) {
      const hs2 = parseHs2(bytes);
      if (typeof hs2 === "string") throw new Error(hs2);
      handshake.readMessage(hs2.message);
      const h = handshake.beginWrite();
      const { token, jwk } = await credential(identity);
      const fields: PayloadFields = { token, sessionId, suites, time, limits: announced, jwk, instance, link: new TextEncoder().encode("raw link") };
      return buildHs3({ suite, to: hs2.sessionId, message: handshake.endWrite(await payload(identity, "initiator", h, fields, lies)) });
    },
  };
}
