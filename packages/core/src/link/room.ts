import { protocol } from "../limits.js";
import { msgOverhead } from "./cells.js";
import { type Reach, reach } from "./lanes.js";
import type { Cell } from "./loss.js";
import type { Pace } from "./pace.js";

/** What a cell counts in the window. */
export const sizeOf = (cell: Cell): number => msgOverhead + cell.end - cell.start;

/** Less room than this at the end of a record or of the window is not worth a cell of a larger message. */
export const sliverBytes = 1_024;
/** Of the reserve: the other half is the critical lane's alone, so that large replies cannot stand in its way. */
const controlShare = 0.5;

/**
 * How much may be on its way: the ordinary window, bounded by congestion and by what the peer must hold to put it in
 * order, and the reserve beside it for control messages and the critical lane.
 */
export interface WindowRoom {
  /** A new cell, or a lost one that goes again: its bytes are on their way. */
  depart(cell: Cell): void;
  /** Acknowledged or lost: they no longer are. */
  arrive(cell: Cell): void;
  enter(cell: Cell): void;
  /** Everything before it was acknowledged, and it. */
  leave(cell: Cell): void;
  /** A lost cell may go again. */
  takesAgain(cell: Cell): boolean;
  /** Bytes of a new message that fit into one cell of the ordinary window; negative when it is full. */
  space(): number;
  isOpen(): boolean;
  onReserve(far: Reach): boolean;
  reserveSpace(critical: boolean): number;
  bytes(): number;
  cells(): number;
}

export function createWindowRoom(pace: Pace): WindowRoom {
  let inFlightBytes = 0;
  let windowBytes = 0;
  let windowCells = 0;
  let reservedBytes = 0;
  let reservedCells = 0;

  const space = (): number => Math.min(pace.window() - inFlightBytes, protocol.windowMaxBytes - windowBytes) - msgOverhead;

  return {
    depart(cell) {
      if (!cell.reserved) inFlightBytes += sizeOf(cell);
    },
    arrive(cell) {
      if (!cell.reserved) inFlightBytes -= sizeOf(cell);
    },
    enter(cell) {
      if (cell.reserved) {
        reservedBytes += sizeOf(cell);
        reservedCells++;
      } else {
        windowBytes += sizeOf(cell);
        windowCells++;
      }
    },
    leave(cell) {
      if (cell.reserved) {
        reservedBytes -= sizeOf(cell);
        reservedCells--;
      } else {
        windowBytes -= sizeOf(cell);
        windowCells--;
      }
    },
    takesAgain: (cell) => cell.reserved || inFlightBytes === 0 || inFlightBytes + sizeOf(cell) <= pace.window(),
    space,
    isOpen: () => windowCells < protocol.windowMaxCells && space() >= sliverBytes,
    onReserve(far) {
      const share = far === reach.critical ? 1 : controlShare;
      return reservedCells < protocol.windowReserveCells * share && reservedBytes + msgOverhead + sliverBytes <= protocol.windowReserveBytes * share;
    },
    reserveSpace: (critical) => protocol.windowReserveBytes * (critical ? 1 : controlShare) - reservedBytes - msgOverhead,
    bytes: () => windowBytes + reservedBytes,
    cells: () => windowCells + reservedCells,
  };
}
