import { fromHex } from "../../packages/core/src/bytes.js";
import * as cellType from "../../packages/core/src/frame/cell-type.js";
import * as msgFlag from "../../packages/core/src/frame/msg-flag.js";
import {
  type CellBuffer,
  createCellBuffer,
  noCounter,
  putAck,
  putClose,
  putCredit,
  putPing,
  putPong,
  putSequenced,
} from "../../packages/core/src/link/cells.js";
import { type Lane, type Outcome, outcomes } from "../../packages/core/src/link/message.js";

/** What one cell says. `data` of MSG is the whole message in hex, of which the cell holds `start` to `end`; without these all of it. */
export type CellVector =
  | {
      readonly type: "msg";
      readonly lane: Lane;
      readonly sequence: number;
      readonly flags: readonly (keyof typeof flagBits)[];
      readonly data: string;
      readonly start?: number;
      readonly end?: number;
    }
  | { readonly type: "done"; readonly sequence: number; readonly of: { readonly lane: Lane; readonly sequence: number }; readonly outcome: Outcome }
  | {
      readonly type: "ack";
      /** null: no record of this session asked for one. */
      readonly highest: number | null;
      readonly delay: number;
      readonly repeated: number;
      readonly lanes: readonly { readonly lane: Lane; readonly next: number; readonly ranges: readonly { readonly start: number; readonly end: number }[] }[];
    }
  | {
      readonly type: "credit";
      readonly blocked: boolean;
      readonly grant?: Readonly<Record<"ordinary" | "critical", { readonly count: number; readonly bytes: number }>>;
    }
  | { readonly type: "ping"; readonly wall: number }
  | { readonly type: "pong"; readonly echoed: number; readonly wall: number }
  | { readonly type: "close"; readonly code: string };

export interface RecordVector {
  readonly description: string;
  readonly cells: readonly CellVector[];
  /** Zero bytes behind the last cell. */
  readonly padding?: number;
}

export const flagBits = { first: msgFlag.first, last: msgFlag.last, abort: msgFlag.abort, intake: msgFlag.intake, wantsDone: msgFlag.wantsDone } as const;

function put(buffer: CellBuffer, at: number, cell: CellVector): number {
  switch (cell.type) {
    case "msg": {
      const data = fromHex(cell.data);
      const flags = cell.flags.reduce((bits, name) => bits | flagBits[name], cell.lane as number);
      return putSequenced(buffer, at, cellType.msg, flags, cell.sequence, data, cell.start ?? 0, cell.end ?? data.length);
    }
    case "done": {
      const body = new Uint8Array(8);
      const view = new DataView(body.buffer);
      view.setUint8(0, cell.of.lane);
      view.setUint16(1, Math.floor(cell.of.sequence / 2 ** 32));
      view.setUint32(3, cell.of.sequence >>> 0);
      view.setUint8(7, outcomes.indexOf(cell.outcome));
      return putSequenced(buffer, at, cellType.done, msgFlag.first | msgFlag.last, cell.sequence, body, 0, 8);
    }
    case "ack":
      return putAck(buffer, at, { ...cell, highest: cell.highest ?? noCounter });
    case "credit":
      return putCredit(buffer, at, cell.blocked, cell.grant);
    case "ping":
      return putPing(buffer, at, cell.wall);
    case "pong":
      return putPong(buffer, at, cell.echoed, cell.wall);
    case "close":
      return putClose(buffer, at, cell.code);
  }
}

export function encodeRecord({ cells, padding = 0 }: RecordVector): Uint8Array {
  const buffer = createCellBuffer(4_096);
  let at = 0;
  for (const cell of cells) at = put(buffer, at, cell);
  return buffer.bytes.slice(0, at + padding);
}
