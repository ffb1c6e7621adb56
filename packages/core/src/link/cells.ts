import * as cellType from "../frame/cell-type.js";
import * as msgFlag from "../frame/msg-flag.js";
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
export const ackHeadBytes = 12;

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

/** CREDIT: bit 0 = four u48 totals follow (count and bytes of lanes 1 to 3, then of the critical lane), bit 1 = the sender of this cell waits for credit. */
export const creditFlag = { grant: 0x01, blocked: 0x02 } as const;
export const grantBytes = 24;

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
