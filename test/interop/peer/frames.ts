import { ascii, type Bytes, join, L, read, text, uint } from "./bytes.js";
import { sha256 } from "./primitives.js";

/** docs/protocol.md, sections 4.1 to 4.4. */

const version = 1;
const types = { hs1: 1, hs2: 2, hs3: 3, data: 4, retry: 5 } as const;
const cookieBytes = 52;

export interface Hs1 {
  readonly type: "hs1";
  readonly suite: number;
  readonly sessionId: Bytes;
  readonly replyAddress: string;
  readonly suites: readonly number[];
  readonly cookie?: Bytes;
  /** It only asks who is there. */
  readonly asks: boolean;
  /** The frame up to the Noise message: what the prologue holds. */
  readonly head: Bytes;
  readonly noise: Bytes;
}
export interface Hs2 {
  readonly type: "hs2";
  readonly suite: number;
  readonly to: Bytes;
  readonly sessionId: Bytes;
  readonly replyAddress: string;
  readonly noise: Bytes;
}
export interface Hs3 {
  readonly type: "hs3";
  readonly suite: number;
  readonly to: Bytes;
  readonly noise: Bytes;
}
export interface Retry {
  readonly type: "retry";
  readonly suite: number;
  readonly to: Bytes;
  readonly replyAddress: string;
  readonly cookie: Bytes;
}
export interface Data {
  readonly type: "data";
  readonly to: Bytes;
  readonly counter: number;
  /** The 20 bytes before the ciphertext. */
  readonly header: Bytes;
  readonly sealed: Bytes;
}
export type Frame = Hs1 | Hs2 | Hs3 | Retry | Data;

const prefix = (type: keyof typeof types, flags: number, suite: number, to: Bytes): Bytes =>
  join(Uint8Array.of((version << 4) | types[type], flags), uint(suite, 2), to);
const noSession = new Uint8Array(8);

export const hs1Head = ({
  suite,
  sessionId,
  replyAddress,
  suites,
  cookie,
  asks = false,
}: Partial<Hs1> & Pick<Hs1, "sessionId" | "replyAddress" | "suites">): Bytes =>
  join(
    prefix("hs1", (cookie === undefined ? 0 : 1) | (asks ? 2 : 0), suite ?? suites[0] ?? 0, noSession),
    sessionId,
    L(ascii(replyAddress)),
    uint(suites.length, 1),
    ...suites.map((each) => uint(each, 2)),
    ...(cookie === undefined ? [] : [uint(cookie.length, 1), cookie]),
  );
export const hs2Frame = (suite: number, to: Bytes, sessionId: Bytes, replyAddress: string, noise: Bytes): Bytes =>
  join(prefix("hs2", 0, suite, to), sessionId, L(ascii(replyAddress)), noise);
export const hs3Frame = (suite: number, to: Bytes, noise: Bytes): Bytes => join(prefix("hs3", 0, suite, to), noise);
export const retryFrame = (suite: number, to: Bytes, replyAddress: string, cookie: Bytes): Bytes =>
  join(prefix("retry", 0, suite, to), L(ascii(replyAddress)), uint(cookie.length, 1), cookie);
export const dataHeader = (to: Bytes, counter: number): Bytes => join(prefix("data", 0, 0, to), uint(counter, 8));

/** Section 4.3. `retried`: the first HS1 and the RETRY that answered it. */
export const prologue = (dialled: string, head: Bytes, retried?: { readonly hash: Bytes; readonly retry: Bytes }): Bytes =>
  join(ascii("tightbeam/1 prologue\0"), L(ascii(dialled)), L(retried === undefined ? new Uint8Array() : join(retried.hash, retried.retry)), L(head));

const inbox = /^inbox\/(?<id>(?:[\w-]{1,64}\/)?[\w-]{1,64})\/(?<instance>[\w-]{22})$/;
export function parseInbox(address: string): { id: string; instance: string } {
  const { id, instance } = inbox.exec(address)?.groups ?? {};
  if (id === undefined || instance === undefined) throw new Error(`no inbox: ${address}`);
  return { id, instance };
}

/** The cookie of a responder, section 4.4. */
export const makeCookie = (mac: (...parts: Bytes[]) => Bytes, time: number, hash: Bytes, replyAddress: string): Bytes =>
  join(uint(time, 4), hash, mac(ascii("tightbeam/1 cookie\0"), uint(time, 4), hash, ascii(replyAddress)).slice(0, 16));

/** Throws on everything that a receiver drops. */
export function parseFrame(frame: Bytes): Frame {
  const input = read(frame);
  const first = input.uint(1);
  const flags = input.uint(1);
  const suite = input.uint(2);
  const to = input.take(8);
  const type = (Object.keys(types) as (keyof typeof types)[]).find((name) => types[name] === (first & 15));
  if (first >> 4 !== version || type === undefined) throw new Error("another version or type");
  if (type === "hs1" ? flags > 2 : flags !== 0) throw new Error("unknown flags");
  if (type !== "data" && frame.length > 16_384) throw new Error("too large");
  if ((type === "data" && suite !== 0) || (type === "hs1" && to.some((byte) => byte !== 0))) throw new Error("prefix");
  switch (type) {
    case "hs1":
      return parseHs1(frame, flags, suite, input);
    case "hs2": {
      const sessionId = input.take(8);
      return { type, suite, to, sessionId, replyAddress: replyAddressOf(input.l()), noise: input.rest() };
    }
    case "hs3":
      return { type, suite, to, noise: input.rest() };
    case "retry": {
      const replyAddress = replyAddressOf(input.l());
      const cookie = input.l8();
      if (cookie.length !== cookieBytes) throw new Error("cookie");
      input.end();
      return { type, suite, to, replyAddress, cookie };
    }
    case "data":
      return { type, to, counter: input.uint(8), header: frame.slice(0, 20), sealed: input.rest() };
  }
}

function parseHs1(frame: Bytes, flags: number, suite: number, input: ReturnType<typeof read>): Hs1 {
  const sessionId = input.take(8);
  const replyAddress = replyAddressOf(input.l());
  const suites = Array.from({ length: input.uint(1) }, () => input.uint(2));
  if (!suites.includes(suite)) throw new Error("the suite is not on the list");
  const cookie = flags === 1 ? input.l8() : undefined;
  if (cookie !== undefined && cookie.length !== cookieBytes) throw new Error("cookie");
  const head = frame.slice(0, frame.length - input.left);
  const noise = input.rest();
  if (flags === 2 && noise.length !== 64) throw new Error("message 1");
  return { type: "hs1", suite, sessionId, replyAddress, suites, asks: flags === 2, head, noise, ...(cookie === undefined ? {} : { cookie }) };
}

function replyAddressOf(bytes: Bytes): string {
  const address = text(bytes);
  parseInbox(address);
  return address;
}

/** A RETRY's cookie holds what its initiator knows: the hash of its first HS1. */
export const hashOfFirst = (cookie: Bytes): Bytes => cookie.slice(4, 36);
export const hashOf = (frame: Bytes): Bytes => sha256(frame);
