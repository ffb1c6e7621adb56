import type { KeyObject } from "node:crypto";
import { ascii, type Bytes, join, read, text, uint, utf8 } from "./bytes.js";
import { popPayload, signCompact } from "./identity.js";
import { type Link, parseLink, writeLink } from "./link-offer.js";
import { sha256 } from "./primitives.js";

/** docs/protocol.md, section 4.5: what messages 2 and 3 say. */

export interface Limits {
  readonly messageBytes: number;
  readonly intakeCount: number;
  readonly intakeBytes: number;
}

export interface Payload {
  readonly token: string;
  readonly sessionId: Bytes;
  readonly suites: readonly number[];
  readonly time: number;
  readonly limits: Limits;
  readonly jwk?: string;
  readonly instance: string;
  readonly link?: Link;
}

const tlv = (type: number, value: Bytes): Bytes => join(uint(type, 1), uint(value.length, 2), value);

function writeTlvs(payload: Payload): Bytes {
  const { messageBytes, intakeCount, intakeBytes } = payload.limits;
  return join(
    tlv(0x01, ascii(payload.token)),
    tlv(0x02, payload.sessionId),
    tlv(0x03, join(...payload.suites.map((suite) => uint(suite, 2)))),
    tlv(0x04, uint(payload.time, 8)),
    tlv(0x05, join(uint(messageBytes, 4), uint(intakeCount, 4), uint(intakeBytes, 8))),
    ...(payload.jwk === undefined ? [] : [tlv(0x06, utf8(payload.jwk))]),
    tlv(0x07, ascii(payload.instance)),
    ...(payload.link === undefined ? [] : [tlv(0x08, writeLink(payload.link))]),
  );
}

/** The payload with its proof. `h`: the handshake hash before it is encrypted. */
export function writePayload(payload: Payload, role: 0 | 1, h: Bytes, key: KeyObject): Bytes {
  const tlvs = writeTlvs(payload);
  return join(tlvs, tlv(0xff, ascii(signCompact(key, "tightbeam-pop+jws", popPayload(role, h, sha256(tlvs))))));
}

/** The payload, its proof, and the bytes that the proof is over. Throws on what must be refused. */
export function readPayload(bytes: Bytes): { payload: Payload; proof: string; tlvs: Bytes } {
  const input = read(bytes);
  const values = new Map<number, Bytes>();
  let last = 0;
  let tlvs = bytes;
  while (input.left > 0) {
    const before = bytes.length - input.left;
    const type = input.uint(1);
    if (type <= last) throw new Error("not ascending");
    last = type;
    if (type === 0xff) tlvs = bytes.slice(0, before);
    const value = input.l();
    const extension = type >= 0x40 && type <= 0x7f;
    if (extension && (type & 1) === 0) continue;
    if (type > 0x08 && type !== 0xff) throw new Error(`TLV ${type}`);
    values.set(type, value);
  }
  const must = (type: number): Bytes => {
    const value = values.get(type);
    if (value === undefined) throw new Error(`TLV ${type} is missing`);
    return value;
  };
  const limits = read(must(0x05));
  const jwk = values.get(0x06);
  const link = values.get(0x08);
  const suites = must(0x03);
  if (suites.length % 2 !== 0 || suites.length === 0 || must(0x02).length !== 8 || must(0x07).length !== 22) throw new Error("a TLV of another length");
  const payload: Payload = {
    token: text(must(0x01)),
    sessionId: must(0x02),
    suites: Array.from({ length: suites.length / 2 }, (_, at) => read(suites.slice(2 * at, 2 * at + 2)).uint(2)),
    time: read(must(0x04)).uint(8),
    limits: { messageBytes: limits.uint(4), intakeCount: limits.uint(4), intakeBytes: limits.uint(8) },
    instance: text(must(0x07)),
    ...(jwk === undefined ? {} : { jwk: text(jwk) }),
    ...(link === undefined ? {} : { link: parseLink(link) }),
  };
  limits.end();
  return { payload, proof: text(must(0xff)), tlvs };
}
