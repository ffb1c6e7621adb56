import { concat, decodeUtf8, encodeUtf8, readU16, readU32, writeU16, writeU32, writeU64 } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import * as protocol from "../protocol.js";
import { isInstance } from "../transport/address.js";
import { decodeTlvs, encodeTlvs, isCritical, isExtension, isKnown, type Tlv } from "./tlv.js";
import * as tlvType from "./tlv-type.js";
import type { AnnouncedLimits } from "./types.js";

/** What messages 2 and 3 say, as values. Only a proof over all of it makes it worth believing. */
export interface HandshakePayload {
  readonly token: string;
  readonly sessionId: Uint8Array;
  readonly suites: readonly number[];
  /** Wall ms of the sender. */
  readonly time: number;
  readonly limits: AnnouncedLimits;
  readonly jwk: string | undefined;
  readonly instance: string;
  /** Message 3 only, where it is required. */
  readonly link: Uint8Array | undefined;
  readonly proof: string;
  /** All TLVs before the proof, as they came: what the proof covers. */
  readonly signed: Uint8Array;
}

export type PayloadFields = Omit<HandshakePayload, "proof" | "signed">;

const jwkMaxBytes = 1024;
const proofMaxBytes = 1024;
const tlvHeaderBytes = 3;

const bytesOf = (size: number, write: (out: Uint8Array) => unknown): Uint8Array => {
  const out = new Uint8Array(size);
  write(out);
  return out;
};

/** The TLVs before the proof, in order. */
export function encodeFields(fields: PayloadFields): Uint8Array {
  const list: Tlv[] = [
    { type: tlvType.token, value: encodeUtf8(fields.token) },
    { type: tlvType.sessionId, value: fields.sessionId },
    { type: tlvType.suites, value: bytesOf(2 * fields.suites.length, (out) => fields.suites.reduce((at, suite) => writeU16(out, at, suite), 0)) },
    { type: tlvType.time, value: bytesOf(8, (out) => writeU64(out, 0, fields.time)) },
    {
      type: tlvType.limits,
      value: bytesOf(16, (out) => {
        writeU32(out, 0, fields.limits.maxMessageBytes);
        writeU32(out, 4, fields.limits.intakeCount);
        writeU64(out, 8, fields.limits.intakeBytes);
      }),
    },
  ];
  if (fields.jwk !== undefined) list.push({ type: tlvType.jwk, value: encodeUtf8(fields.jwk) });
  list.push({ type: tlvType.instance, value: encodeUtf8(fields.instance) });
  if (fields.link !== undefined) list.push({ type: tlvType.link, value: fields.link });
  return encodeTlvs(list);
}

export const appendProof = (signed: Uint8Array, jws: string): Uint8Array => concat(signed, encodeTlvs([{ type: tlvType.proof, value: encodeUtf8(jws) }]));

/** A u64 as a number; beyond 2^53 the nearest one, which is exact enough for a clock and for a credit nobody can use up. */
const wide = (value: Uint8Array, at: number): number => readU32(value, at) * 0x1_0000_0000 + readU32(value, at + 4);

/** Message 2 or 3 after decryption. Throws `handshake_failed` for anything the protocol does not say. */
export function decodePayload(bytes: Uint8Array, message: 2 | 3): HandshakePayload {
  const refuse = (what: string): never => {
    throw new TightbeamError("handshake_failed", `The peer's handshake payload is invalid: ${what}. Does it run another version?`, {
      retryable: false,
    });
  };
  const list = decodeTlvs(bytes) ?? refuse("its TLVs are not well-formed");
  const values = new Map<number, Uint8Array>();
  for (const { type, value } of list) {
    if (isKnown(type)) values.set(type, value);
    else if (!isExtension(type)) refuse("a reserved TLV is present");
    else if (isCritical(type)) refuse("it needs an extension that is not supported here");
  }
  const need = (type: number, what: string, fits: (length: number) => boolean): Uint8Array => {
    const value = values.get(type);
    return value !== undefined && fits(value.length) ? value : refuse(`${what} is missing or has the wrong size`);
  };
  const text = (value: Uint8Array, what: string): string => {
    try {
      return decodeUtf8(value);
    } catch {
      return refuse(`${what} is not text`);
    }
  };
  const token = need(tlvType.token, "the token", (n) => n > 0 && n <= protocol.tokenMaxBytes);
  const suites = need(tlvType.suites, "the suite list", (n) => n > 0 && n % 2 === 0 && n <= 2 * 255);
  const time = need(tlvType.time, "the time", (n) => n === 8);
  const announced = need(tlvType.limits, "the limits", (n) => n === 16);
  const instance = text(
    need(tlvType.instance, "the instance", (n) => n === 22),
    "the instance",
  );
  if (!isInstance(instance)) refuse("the instance is outside its grammar");
  const proof = need(tlvType.proof, "the proof", (n) => n > 0 && n <= proofMaxBytes);
  if (values.has(tlvType.jwk)) need(tlvType.jwk, "the key", (n) => n > 0 && n <= jwkMaxBytes);
  const jwk = values.get(tlvType.jwk);
  if (values.has(tlvType.link) !== (message === 3)) refuse("the link value belongs to message 3");
  const link = values.get(tlvType.link);
  return {
    token: text(token, "the token"),
    sessionId: need(tlvType.sessionId, "the session id", (n) => n === 8),
    suites: Array.from({ length: suites.length / 2 }, (_, i) => readU16(suites, 2 * i)),
    time: wide(time, 0),
    limits: { maxMessageBytes: readU32(announced, 0), intakeCount: readU32(announced, 4), intakeBytes: Math.min(wide(announced, 8), Number.MAX_SAFE_INTEGER) },
    jwk: jwk === undefined ? undefined : text(jwk, "the key"),
    instance,
    link: link === undefined ? undefined : link.slice(),
    proof: text(proof, "the proof"),
    signed: bytes.subarray(0, bytes.length - tlvHeaderBytes - proof.length),
  };
}
