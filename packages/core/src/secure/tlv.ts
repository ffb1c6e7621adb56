import { TightbeamError } from "../errors.js";
import * as tlvType from "./tlv-type.js";

/** Handshake payloads: u8 type, u16 length, value; types ascend, none twice (docs/protocol.md, section 4). */

export interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
}

const headerBytes = 3;
const extensionFirst = 0x40;
const extensionLast = 0x7f;

export const isKnown = (type: number): boolean => (type > 0 && type <= tlvType.link) || type === tlvType.proof;
export const isExtension = (type: number): boolean => type >= extensionFirst && type <= extensionLast;
/** Bit 0 of an extension's type: whoever does not know it must give up. */
export const isCritical = (type: number): boolean => (type & 1) === 1;

/** Throws `internal` when the order is wrong and `too_large` for a value over 65,535 bytes. */
export function encodeTlvs(list: readonly Tlv[]): Uint8Array {
  const out = new Uint8Array(list.reduce((sum, { value }) => sum + headerBytes + value.length, 0));
  let at = 0;
  let before = -1;
  for (const { type, value } of list) {
    if (type <= before || type > 0xff) throw new TightbeamError("internal", "TLV types must ascend");
    if (value.length > 0xffff) throw new TightbeamError("too_large", "a TLV value is too long");
    before = type;
    out[at] = type;
    out[at + 1] = value.length >>> 8;
    out[at + 2] = value.length;
    out.set(value, at + headerBytes);
    at += headerBytes + value.length;
  }
  return out;
}

/** Views of `bytes`, or undefined for anything that is not exactly a list of ascending TLVs. */
export function decodeTlvs(bytes: Uint8Array): readonly Tlv[] | undefined {
  const list: Tlv[] = [];
  let before = -1;
  let at = 0;
  while (at < bytes.length) {
    if (at + headerBytes > bytes.length) return undefined;
    const type = bytes[at] as number;
    const length = ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    at += headerBytes;
    if (type <= before || at + length > bytes.length) return undefined;
    list.push({ type, value: bytes.subarray(at, at + length) });
    before = type;
    at += length;
  }
  return list;
}
