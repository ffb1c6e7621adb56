import { type Address, isAddress, isAgentId, isInstance } from "@tightbeam/core/transport";
import { ascii, malformed, reader, readU16, readU32, writer } from "./bytes.js";

/*
 * The relay protocol, version 1. Every WebSocket message is binary and one frame (the table of bodies: docs/relay-protocol.md):
 *
 *   u8 type | u32 request | u16 length, address (ASCII) | body
 */

/** Offered and required as the WebSocket subprotocol: it tells a relay from any other server before a byte is exchanged. */
export const subprotocol = "tightbeam.relay.1";
export const version = 1;
/** Type, request number, address length. */
export const headerBytes = 7;
/** 4 segments of 64 and 3 slashes. */
export const addressMaxBytes = 259;
export const nonceBytes = 32;
const instanceBytes = 22;
export const originMaxBytes = 300;
export const tokenMaxBytes = 8 * 1024;
export const proofMaxBytes = 1024;
const jwkMaxBytes = 512;
const reasonMaxBytes = 255;
/** The largest frame but SEND and MSG: a LOGIN with everything at its limit. */
export const loginMaxBytes = headerBytes + nonceBytes + instanceBytes + 4 * 2 + originMaxBytes + tokenMaxBytes + jwkMaxBytes + proofMaxBytes;

export const frameType = {
  challenge: 1,
  login: 2,
  welcome: 3,
  renew: 4,
  sub: 5,
  subOk: 6,
  unsub: 7,
  send: 8,
  msg: 9,
  err: 10,
  ping: 11,
  pong: 12,
  dropped: 13,
} as const;
export type FrameType = (typeof frameType)[keyof typeof frameType];
const lastType = frameType.dropped;

/** One frame as it stands on the wire. `body` is a view of what was parsed. */
export interface Frame {
  readonly type: FrameType;
  readonly request: number;
  /** Empty where the type has none. */
  readonly address: Address | "";
  readonly body: Uint8Array;
}

export interface Login {
  readonly nonce: Uint8Array;
  readonly instance: string;
  readonly origin: string;
  readonly token: string;
  /** The key beside a token that only holds its thumbprint (`cnf.jkt`), as JWK text; empty otherwise. */
  readonly jwk: string;
  readonly proof: string;
}

export interface Welcome {
  readonly maxFrameBytes: number;
  readonly subscriptionsMax: number;
  /** ms of silence after which either side asks with PING. */
  readonly heartbeatMs: number;
  /** ms from now until the relay ends this socket unless RENEW comes. */
  readonly authorisedMs: number;
}

export interface Dropped {
  readonly frames: number;
  readonly bytes: number;
}

type Allocate = (bytes: number) => Uint8Array;
/** Node's pool spares zeroing and one allocation a frame; every byte is written before it leaves. */
const allocate: Allocate = (globalThis as { Buffer?: { allocUnsafe: Allocate } }).Buffer?.allocUnsafe ?? ((bytes) => new Uint8Array(bytes));

export const noBytes: Uint8Array = new Uint8Array(0);

const hasAddress = (type: number): boolean => type === frameType.sub || type === frameType.send;

/** One frame in one fresh buffer. `address` as ASCII bytes, empty for none. */
export function encodeFrame(type: FrameType, request: number, address: Uint8Array, body: Uint8Array): Uint8Array {
  const named = address.length;
  const out = allocate(headerBytes + named + body.length);
  putHeader(out, type, request, address);
  if (body.length > 0) out.set(body, headerBytes + named);
  return out;
}

/** What `encodeBefore` may need of the room before a body. */
export const frontBytes = headerBytes + addressMaxBytes;

/** The same without a copy, in the buffer of the body: its header goes to the bytes before. */
export function encodeBefore(type: FrameType, request: number, address: Uint8Array, body: Uint8Array): Uint8Array {
  const front = headerBytes + address.length;
  const out = new Uint8Array(body.buffer, body.byteOffset - front, front + body.length);
  putHeader(out, type, request, address);
  return out;
}

function putHeader(out: Uint8Array, type: FrameType, request: number, address: Uint8Array): void {
  const named = address.length;
  out[0] = type;
  out[1] = request >>> 24;
  out[2] = request >>> 16;
  out[3] = request >>> 8;
  out[4] = request;
  out[5] = named >>> 8;
  out[6] = named;
  for (let i = 0; i < named; i++) out[headerBytes + i] = address[i] as number;
}

/** Reads the header and checks that type, request number and address belong together. Throws `malformed`. The body is checked by the parser of its type. */
export function parseFrame(bytes: Uint8Array): Frame {
  if (bytes.length < headerBytes) throw malformed("a relay frame is shorter than its header");
  const type = bytes[0] as number;
  if (type < 1 || type > lastType) throw malformed("a relay frame has an unknown type");
  const request = readU32(bytes, 1);
  const named = readU16(bytes, 5);
  const start = headerBytes + named;
  if (named > addressMaxBytes || start > bytes.length) throw malformed("the address of a relay frame runs past its end");
  const address = named === 0 ? "" : ascii(bytes, headerBytes, start);
  if (address !== "" && !isAddress(address)) throw malformed("the address of a relay frame is outside the grammar");
  if (named === 0 ? hasAddress(type) : !hasAddress(type) && type !== frameType.err) throw malformed("a relay frame has an address too many or too few");
  const body = bytes.subarray(start);
  if (numbered(type) ? request === 0 : unnumbered(type) && request !== 0) throw malformed("a relay frame has a wrong request number");
  if (bodiless(type) && body.length > 0) throw malformed("a relay frame has a body where none belongs");
  return { type: type as FrameType, request, address: address as Address | "", body };
}

const numbered = (type: number): boolean =>
  type === frameType.sub ||
  type === frameType.subOk ||
  type === frameType.unsub ||
  type === frameType.msg ||
  type === frameType.dropped ||
  type === frameType.renew;
const unnumbered = (type: number): boolean => type === frameType.challenge || type === frameType.login || type === frameType.send;
const bodiless = (type: number): boolean => type === frameType.subOk || type === frameType.unsub || type === frameType.ping || type === frameType.pong;

/** CHALLENGE: u8 version | nonce. */
export function encodeChallenge(nonce: Uint8Array): Uint8Array {
  return writer(1 + nonceBytes)
    .u8(version)
    .raw(nonce)
    .done();
}
export function parseChallenge(body: Uint8Array): { version: number; nonce: Uint8Array } {
  const read = reader(body);
  const spoken = read.u8();
  const nonce = read.bytes(nonceBytes);
  read.end();
  return { version: spoken, nonce };
}

/** LOGIN and RENEW: client nonce | instance | L(origin) | L(token) | L(jwk) | L(proof). */
export function encodeLogin(login: Login): Uint8Array {
  const size = nonceBytes + instanceBytes + 8 + login.origin.length + login.token.length + login.jwk.length + login.proof.length;
  return writer(size).raw(login.nonce).text(login.instance).long(login.origin).long(login.token).long(login.jwk).long(login.proof).done();
}
export function parseLogin(body: Uint8Array): Login {
  const read = reader(body);
  const nonce = read.bytes(nonceBytes);
  const instance = read.text(instanceBytes);
  const origin = read.long(originMaxBytes);
  const token = read.long(tokenMaxBytes);
  const jwk = read.long(jwkMaxBytes);
  const proof = read.long(proofMaxBytes);
  read.end();
  if (!isInstance(instance)) throw malformed("a login's instance is not 22 base64url characters");
  return { nonce, instance, origin, token, jwk, proof };
}

/** WELCOME: u32 maxFrameBytes | u32 subscriptionsMax | u32 heartbeatMs | u32 authorisedMs. */
export function encodeWelcome(welcome: Welcome): Uint8Array {
  return writer(16).u32(welcome.maxFrameBytes).u32(welcome.subscriptionsMax).u32(welcome.heartbeatMs).u32(Math.min(welcome.authorisedMs, 0xffff_ffff)).done();
}
export function parseWelcome(body: Uint8Array): Welcome {
  const read = reader(body);
  const welcome = { maxFrameBytes: read.u32(), subscriptionsMax: read.u32(), heartbeatMs: read.u32(), authorisedMs: read.u32() };
  read.end();
  return welcome;
}

/** SUB: the group, an agent id's grammar; empty for none. */
export const encodeGroup = (group: string | undefined): Uint8Array => (group === undefined ? noBytes : writer(group.length).text(group).done());
export function parseGroup(body: Uint8Array): string | undefined {
  if (body.length === 0) return undefined;
  const group = body.length > addressMaxBytes ? "" : ascii(body, 0, body.length);
  if (!isAgentId(group)) throw malformed("a group is outside the grammar [realm/]name");
  return group;
}

/** ERR: u8 reason (reasons.ts) | ASCII for people. */
export const encodeError = (reason: number, text: string): Uint8Array => {
  const short = text.slice(0, reasonMaxBytes);
  return writer(1 + short.length)
    .u8(reason)
    .text(short)
    .done();
};
export function parseError(body: Uint8Array): { reason: number; text: string } {
  const read = reader(body);
  const reason = read.u8();
  if (read.left > reasonMaxBytes) throw malformed("an error's text is too long");
  return { reason, text: read.text(read.left) };
}

/** DROPPED: u32 frames | u32 bytes, since the last report, both saturating. */
export const encodeDropped = ({ frames, bytes }: Dropped): Uint8Array => writer(8).u32(Math.min(frames, 0xffff_ffff)).u32(Math.min(bytes, 0xffff_ffff)).done();
export function parseDropped(body: Uint8Array): Dropped {
  const read = reader(body);
  const dropped = { frames: read.u32(), bytes: read.u32() };
  read.end();
  return dropped;
}

/** The bytes of a string that is ASCII by grammar. */
export const asciiBytes = (text: string): Uint8Array => writer(text.length).text(text).done();
