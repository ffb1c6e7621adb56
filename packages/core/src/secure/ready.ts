import { concat, readU16, writeU16 } from "../bytes.js";
import * as cellType from "../frame/cell-type.js";
import { cellHeaderBytes, cellMaxBytes } from "../protocol.js";

/** READY, the first cell the responder sends: type 7, flags, u16 length, SHA-256(payload of message 3) || LINK value. */
export interface Ready {
  readonly continued: boolean;
  readonly payloadHash: Uint8Array;
  readonly link: Uint8Array;
  /** What followed READY in its record. */
  readonly cells: Uint8Array;
}

/** Set: the link continues. Clear: it is new. */
const continuedFlag = 0x01;
const hashBytes = 32;

export function buildReady(payloadHash: Uint8Array, continued: boolean, link: Uint8Array): Uint8Array {
  const header = new Uint8Array(cellHeaderBytes);
  header[0] = cellType.ready;
  header[1] = continued ? continuedFlag : 0;
  writeU16(header, 2, hashBytes + link.length);
  return concat(header, payloadHash, link);
}

/** Undefined when the record does not begin with a whole READY cell. */
export function parseReady(plaintext: Uint8Array): Ready | undefined {
  if (plaintext.length < cellHeaderBytes + hashBytes || plaintext[0] !== cellType.ready) return undefined;
  const flags = plaintext[1] as number;
  const end = cellHeaderBytes + readU16(plaintext, 2);
  if ((flags & ~continuedFlag) !== 0 || end < cellHeaderBytes + hashBytes || end > plaintext.length || end > cellMaxBytes + cellHeaderBytes) return undefined;
  return {
    continued: (flags & continuedFlag) !== 0,
    payloadHash: plaintext.subarray(cellHeaderBytes, cellHeaderBytes + hashBytes),
    link: plaintext.slice(cellHeaderBytes + hashBytes, end),
    cells: plaintext.slice(end),
  };
}
