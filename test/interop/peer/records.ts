import { ascii, type Bytes, join, type Reader, read, text, uint } from "./bytes.js";
import { type Link, parseLink, writeLink } from "./link-offer.js";

/** docs/protocol.md, section 6.4: a record is cells. */

export interface Msg {
  readonly type: "msg";
  readonly lane: number;
  readonly sequence: number;
  readonly first: boolean;
  readonly last: boolean;
  readonly abort: boolean;
  readonly intake: boolean;
  readonly wantsDone: boolean;
  /** Of the whole message: on a first that is not the last. */
  readonly length?: number;
  readonly bytes: Bytes;
}
export interface Done {
  readonly type: "done";
  readonly lane: number;
  readonly sequence: number;
  readonly of: { readonly lane: number; readonly sequence: number };
  readonly outcome: number;
}
export interface AckEntry {
  readonly lane: number;
  readonly next: number;
  readonly ranges: readonly { readonly gap: number; readonly length: number }[];
}
export interface Ack {
  readonly type: "ack";
  /** undefined: none. */
  readonly highest: number | undefined;
  readonly delay: number;
  readonly repeats: number;
  readonly entries: readonly AckEntry[];
}
export interface Totals {
  readonly count: number;
  readonly bytes: number;
}
export interface Credit {
  readonly type: "credit";
  readonly blocked: boolean;
  readonly grant?: { readonly ordinary: Totals; readonly critical: Totals };
}
export type Cell =
  | Msg
  | Done
  | Ack
  | Credit
  | { readonly type: "ping"; readonly time: number }
  | { readonly type: "pong"; readonly time: number; readonly own: number }
  | { readonly type: "ready"; readonly continued: boolean; readonly hash: Bytes; readonly link: Link }
  | { readonly type: "close"; readonly code: string };

const types = ["padding", "msg", "ack", "done", "credit", "ping", "pong", "ready", "close"] as const;
const bodyMax = 17_408;
const none = 2 ** 48 - 1;
export const asksForAck = ({ type }: Cell): boolean => type === "msg" || type === "done" || type === "ping";

const bits = (...flags: readonly (readonly [number, boolean])[]): number => flags.reduce((sum, [bit, on]) => sum + (on ? bit : 0), 0);
const totals = ({ count, bytes }: Totals): Bytes => join(uint(count, 6), uint(bytes, 6));

function parts(cell: Cell): [flags: number, body: Bytes] {
  switch (cell.type) {
    case "msg": {
      const flags = cell.lane + bits([4, cell.first], [8, cell.last], [16, cell.abort], [32, cell.intake], [64, cell.wantsDone]);
      const length = cell.first && !cell.last ? uint(cell.length ?? 0, 4) : new Uint8Array();
      return [flags, join(uint(cell.sequence, 6), length, cell.bytes)];
    }
    case "done":
      return [cell.lane + 12, join(uint(cell.sequence, 6), uint(cell.of.lane, 1), uint(cell.of.sequence, 6), uint(cell.outcome, 1))];
    case "ack": {
      const entries = cell.entries.map(({ next, ranges }) =>
        join(uint(next, 6), uint(ranges.length, 2), ...ranges.map(({ gap, length }) => join(uint(gap, 2), uint(length, 2)))),
      );
      const lanes = cell.entries.reduce((sum, { lane }) => sum + 2 ** lane, 0);
      return [lanes, join(uint(cell.highest ?? none, 6), uint(cell.delay, 4), uint(cell.repeats % 65_536, 2), ...entries)];
    }
    case "credit": {
      const { grant } = cell;
      return [bits([1, grant !== undefined], [2, cell.blocked]), grant === undefined ? new Uint8Array() : join(totals(grant.ordinary), totals(grant.critical))];
    }
    case "ping":
      return [0, uint(cell.time, 6)];
    case "pong":
      return [0, join(uint(cell.time, 6), uint(cell.own, 6))];
    case "ready":
      return [bits([1, cell.continued]), join(cell.hash, writeLink(cell.link))];
    case "close":
      return [0, ascii(cell.code)];
  }
}

export function writeCell(cell: Cell): Bytes {
  const [flags, body] = parts(cell);
  if (body.length > bodyMax) throw new Error("a cell of more than 17,408 bytes");
  return join(uint(types.indexOf(cell.type), 1), uint(flags, 1), uint(body.length, 2), body);
}

export const writeRecord = (cells: readonly Cell[]): Bytes => join(...cells.map(writeCell));

/** Throws for a breach: this peer takes nothing of a record that has one. */
export function readRecord(record: Bytes): Cell[] {
  const input = read(record);
  const cells: Cell[] = [];
  while (input.left > 0) {
    const type = types[input.uint(1)];
    if (type === "padding") {
      if (input.rest().some((byte) => byte !== 0)) throw new Error("padding");
      break;
    }
    const flags = input.uint(1);
    const body = read(input.l());
    if (type === undefined || body.left > bodyMax) throw new Error("unknown cell");
    cells.push(readCell(type, flags, body));
    body.end();
  }
  return cells;
}

function readCell(type: Exclude<(typeof types)[number], "padding">, flags: number, body: Reader): Cell {
  const has = (bit: number): boolean => (flags & bit) !== 0;
  const only = (allowed: number): void => {
    if ((flags & ~allowed) !== 0) throw new Error(`unknown flags of ${type}`);
  };
  switch (type) {
    case "msg": {
      only(0x7f);
      const [first, last, abort] = [has(4), has(8), has(16)];
      const sequence = body.uint(6);
      const length = first && !last ? { length: body.uint(4) } : {};
      return { type, lane: flags & 3, sequence, first, last, abort, intake: has(32), wantsDone: has(64), ...length, bytes: body.rest() };
    }
    case "done":
      if ((flags & 0xfc) !== 12) throw new Error("DONE's flags");
      return { type, lane: flags & 3, sequence: body.uint(6), of: { lane: body.uint(1), sequence: body.uint(6) }, outcome: body.uint(1) };
    case "ack": {
      only(0x0f);
      const highest = body.uint(6);
      const [delay, repeats] = [body.uint(4), body.uint(2)];
      const entries = [0, 1, 2, 3].filter((lane) => has(1 << lane)).map((lane) => readEntry(lane, body));
      return { type, highest: highest === none ? undefined : highest, delay, repeats, entries };
    }
    case "credit": {
      only(3);
      const pair = (): Totals => ({ count: body.uint(6), bytes: body.uint(6) });
      if (flags === 0) throw new Error("CREDIT without a flag");
      return { type, blocked: has(2), ...(has(1) ? { grant: { ordinary: pair(), critical: pair() } } : {}) };
    }
    case "ping":
      only(0);
      return { type, time: body.uint(6) };
    case "pong":
      only(0);
      return { type, time: body.uint(6), own: body.uint(6) };
    case "ready":
      only(1);
      return { type, continued: has(1), hash: body.take(32), link: parseLink(body.rest()) };
    case "close": {
      only(0);
      const code = text(body.rest());
      return { type, code: /^[a-z_]{1,64}$/.test(code) ? code : "closed" };
    }
  }
}

function readEntry(lane: number, body: Reader): AckEntry {
  const next = body.uint(6);
  const count = body.uint(2);
  if (count > 512) throw new Error("more than 512 ranges");
  const ranges = Array.from({ length: count }, () => ({ gap: body.uint(2), length: body.uint(2) }));
  if (ranges.some(({ gap, length }) => gap === 0 || length === 0)) throw new Error("an empty range");
  return { lane, next, ranges };
}
