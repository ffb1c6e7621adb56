import { isZero } from "../bytes.js";
import * as cellType from "../frame/cell-type.js";
import * as msgFlag from "../frame/msg-flag.js";
import { readU16, readU32, readU48 } from "../integers.js";
import * as protocol from "../protocol.js";
import { type Ack, ackHeadBytes, ackRangesMax, creditFlag, type Grant, grantBytes, type LaneAck, type Range } from "./cells.js";
import type { Lane } from "./message.js";

/** Undefined when the body is not exactly an ACK. */
export function readAck(record: Uint8Array, flags: number, at: number, length: number): Ack | undefined {
  const end = at + length;
  if (length < ackHeadBytes || flags > 0x0f) return undefined;
  const highest = readU48(record, at);
  const delay = readU32(record, at + 6);
  const repeated = readU16(record, at + 10);
  const acked: LaneAck[] = [];
  let position = at + ackHeadBytes;
  for (let lane = 0; lane < 4; lane++) {
    if ((flags & (1 << lane)) === 0) continue;
    if (position + 8 > end) return undefined;
    const next = readU48(record, position);
    const count = readU16(record, position + 6);
    position += 8;
    if (count > ackRangesMax || position + count * 4 > end) return undefined;
    const ranges: Range[] = [];
    let from = next;
    for (let index = 0; index < count; index++, position += 4) {
      const start = from + readU16(record, position);
      from = start + readU16(record, position + 2);
      if (from === start || start === (ranges.at(-1)?.end ?? next)) return undefined;
      ranges.push({ start, end: from });
    }
    acked.push({ lane: lane as Lane, next, ranges });
  }
  return position === end ? { highest, delay, repeated, lanes: acked } : undefined;
}

const readGrant = (record: Uint8Array, at: number): Grant => ({
  ordinary: { count: readU48(record, at), bytes: readU48(record, at + 6) },
  critical: { count: readU48(record, at + 12), bytes: readU48(record, at + 18) },
});

/** What a record holds, cell by cell. Numbers only: no object per cell on the data path. */
export interface CellVisitor {
  /** MSG or DONE with its lane, sequence and flags; `start` to `end` is the data within the record. */
  sequenced(type: number, flags: number, lane: Lane, sequence: number, start: number, end: number): void;
  ack(ack: Ack): void;
  credit(grant: Grant | undefined, blocked: boolean): void;
  ping(wall: number): void;
  pong(echoed: number, wall: number): void;
  closed(code: string): void;
}

/** Walks a record. False at the first cell that is not exactly right: then nothing after it was visited. Unknown types are malformed, zero padding ends the record. */
export function readCells(record: Uint8Array, visit: CellVisitor): boolean {
  let at = 0;
  while (at < record.length) {
    const type = record[at] as number;
    if (type === cellType.padding) return isZero(record.subarray(at));
    if (at + protocol.cellHeaderBytes > record.length) return false;
    const flags = record[at + 1] as number;
    const length = readU16(record, at + 2);
    const body = at + protocol.cellHeaderBytes;
    const end = body + length;
    if (length > protocol.cellMaxBytes || end > record.length) return false;
    if (!visitCell(record, type, flags, body, end, visit)) return false;
    at = end;
  }
  return true;
}

function visitCell(record: Uint8Array, type: number, flags: number, body: number, end: number, visit: CellVisitor): boolean {
  const length = end - body;
  switch (type) {
    case cellType.msg:
    case cellType.done:
      if (length < 6 || flags & 0x80) return false;
      visit.sequenced(type, flags, (flags & msgFlag.laneMask) as Lane, readU48(record, body), body + 6, end);
      return true;
    case cellType.ack: {
      const ack = readAck(record, flags, body, length);
      if (ack === undefined) return false;
      visit.ack(ack);
      return true;
    }
    case cellType.credit: {
      const granted = (flags & creditFlag.grant) !== 0;
      if (flags === 0 || flags > 3 || length !== (granted ? grantBytes : 0)) return false;
      visit.credit(granted ? readGrant(record, body) : undefined, (flags & creditFlag.blocked) !== 0);
      return true;
    }
    case cellType.ping:
      if (flags !== 0 || length !== 6) return false;
      visit.ping(readU48(record, body));
      return true;
    case cellType.pong:
      if (flags !== 0 || length !== 12) return false;
      visit.pong(readU48(record, body), readU48(record, body + 6));
      return true;
    case cellType.close:
      if (flags !== 0 || length === 0 || length > 64) return false;
      visit.closed(asciiCode(record.subarray(body, end)));
      return true;
    case cellType.ready:
      return true; // A repeat of the handshake's confirmation, known already.
    default:
      return false;
  }
}

function asciiCode(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes);
  return /^[a-z_]+$/.test(text) ? text : "closed";
}
