import { isZero } from "../bytes.js";
import * as cellType from "../frame/cell-type.js";
import * as msgFlag from "../frame/msg-flag.js";
import { readU16, readU32, readU48 } from "../integers.js";
import * as protocol from "../protocol.js";
import type { Lane } from "./message.js";

/** Bytes and layout of the cells of docs/protocol.md, section 6. Writers put a whole cell at `at` and return where the next one goes. */
/** header 4 + lane sequence 6 */
export const msgOverhead = protocol.cellHeaderBytes + 6;
export const fragmentMaxBytes = protocol.cellMaxBytes - 6;
/** Before the bytes of a first fragment that more follow: the length of the whole message, u32. */
export const totalBytes = 4;
export const ackRangesMax = 512;
/** No record of this session that asks for an acknowledgement has come yet. */
export const noCounter = 2 ** 48 - 1;

export interface CellBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function createCellBuffer(size: number): CellBuffer {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

const putHeader = ({ view }: CellBuffer, at: number, type: number, flags: number, length: number): number => {
  view.setUint8(at, type);
  view.setUint8(at + 1, flags);
  view.setUint16(at + 2, length);
  return at + protocol.cellHeaderBytes;
};

const putU48 = (view: DataView, at: number, value: number): number => {
  view.setUint16(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 2, value >>> 0);
  return at + 6;
};

/** More fragments follow the first one. */
export const saysTotal = (flags: number): boolean => (flags & (msgFlag.first | msgFlag.last)) === msgFlag.first;

/** MSG and DONE: both carry a sequence number of their lane. `data` is the whole message, of which this cell holds a part. */
export function putSequenced(
  buffer: CellBuffer,
  at: number,
  type: number,
  flags: number,
  sequence: number,
  data: Uint8Array,
  start: number,
  end: number,
): number {
  const head = saysTotal(flags) ? 6 + totalBytes : 6;
  const body = putHeader(buffer, at, type, flags, head + end - start);
  putU48(buffer.view, body, sequence);
  if (head > 6) buffer.view.setUint32(body + 6, data.length);
  const after = body + head;
  buffer.bytes.set(start === 0 && end === data.length ? data : data.subarray(start, end), after);
  return after + end - start;
}

/** Contiguous sequence numbers from `start` to before `end`. */
export interface Range {
  start: number;
  end: number;
}

export interface LaneAck {
  readonly lane: Lane;
  /** Everything below has come. */
  readonly next: number;
  readonly ranges: readonly Range[];
}

export interface Ack {
  /** Highest counter of this session whose record asked for an acknowledgement, or `noCounter`. */
  readonly highest: number;
  /** µs between its arrival and this cell. */
  readonly delay: number;
  /** Cells that came although they had come before, in total, modulo 2^16: what was sent again in vain (as RFC 2883). */
  readonly repeated: number;
  readonly lanes: readonly LaneAck[];
}

/** highest 6 + delay 4 + repeated 2 */
const ackHeadBytes = 12;

/** With all four lanes. */
export function ackBytes(ranges: number): number {
  return protocol.cellHeaderBytes + ackHeadBytes + 4 * 8 + ranges * 4;
}

export function putAck(buffer: CellBuffer, at: number, ack: Ack): number {
  const { view } = buffer;
  let flags = 0;
  let end = putU48(view, at + protocol.cellHeaderBytes, ack.highest);
  view.setUint32(end, Math.min(Math.round(ack.delay), 0xffffffff));
  view.setUint16(end + 4, ack.repeated & 0xffff);
  end += 6;
  for (const { lane, next, ranges } of ack.lanes) {
    flags |= 1 << lane;
    end = putU48(view, end, next);
    view.setUint16(end, ranges.length);
    end += 2;
    let from = next;
    for (const range of ranges) {
      view.setUint16(end, range.start - from);
      view.setUint16(end + 2, range.end - range.start);
      from = range.end;
      end += 4;
    }
  }
  putHeader(buffer, at, cellType.ack, flags, end - at - protocol.cellHeaderBytes);
  return end;
}

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

/** CREDIT: bit 0 = four u48 totals follow (count and bytes of lanes 1 to 3, then of the critical lane), bit 1 = the sender of this cell waits for credit. */
export const creditFlag = { grant: 0x01, blocked: 0x02 } as const;
const grantBytes = 24;

/** Totals since the link began, so reordering cannot confuse them. */
export interface IntakeTotals {
  readonly count: number;
  readonly bytes: number;
}

export interface Grant {
  readonly ordinary: IntakeTotals;
  readonly critical: IntakeTotals;
}

export function putCredit(buffer: CellBuffer, at: number, blocked: boolean, grant: Grant | undefined): number {
  const flags = (grant === undefined ? 0 : creditFlag.grant) | (blocked ? creditFlag.blocked : 0);
  let end = putHeader(buffer, at, cellType.credit, flags, grant === undefined ? 0 : grantBytes);
  for (const totals of grant === undefined ? [] : [grant.ordinary, grant.critical])
    end = putU48(buffer.view, putU48(buffer.view, end, totals.count), totals.bytes);
  return end;
}

const readGrant = (record: Uint8Array, at: number): Grant => ({
  ordinary: { count: readU48(record, at), bytes: readU48(record, at + 6) },
  critical: { count: readU48(record, at + 12), bytes: readU48(record, at + 18) },
});

export const pingBytes = protocol.cellHeaderBytes + 6;
/** PING: wall clock of the sender. PONG: that one again, then its own. Both u48 ms. */
export const putPing = (buffer: CellBuffer, at: number, wall: number): number => putU48(buffer.view, putHeader(buffer, at, cellType.ping, 0, 6), wall);
export const putPong = (buffer: CellBuffer, at: number, echoed: number, wall: number): number =>
  putU48(buffer.view, putU48(buffer.view, putHeader(buffer, at, cellType.pong, 0, 12), echoed), wall);

/** CLOSE: the body is the code as ASCII text. */
export function putClose(buffer: CellBuffer, at: number, code: string): number {
  const text = new TextEncoder().encode(code);
  const body = putHeader(buffer, at, cellType.close, 0, text.length);
  buffer.bytes.set(text, body);
  return body + text.length;
}

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
