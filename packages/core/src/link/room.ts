import * as protocol from "../protocol.js";
import { fragmentMaxBytes, msgOverhead, saysTotal, totalBytes } from "./cells.js";
import { type Queued, type Reach, reach } from "./lanes.js";
import type { Cell } from "./loss.js";
import type { Pace } from "./pace.js";

/** What a cell counts in the window: all its bytes. */
export const sizeOf = (cell: Cell): number => (saysTotal(cell.flags) ? msgOverhead + totalBytes : msgOverhead) + cell.end - cell.start;

/** Less room than this at the end of a record or of the window is not worth a cell of a larger message. */
const sliverBytes = 1_024;

/** Room for less of it is left to the next record: what fits into one cell is not cut, so that its receiver need not put it together. In an empty record any part will do. */
export function leastOf({ bytes, offset }: Queued, alone: boolean): number {
  const rest = bytes.length - offset;
  if (alone) return Math.min(rest, totalBytes + 1);
  return rest <= fragmentMaxBytes ? rest : sliverBytes;
}

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
  /** So many new cells of so many bytes, their overhead included, fit into the ordinary window. */
  takes(cells: number, bytes: number): boolean;
  onReserve(far: Reach): boolean;
  reserveSpace(critical: boolean): number;
  bytes(): number;
  cells(): number;
}

class LinkWindowRoom implements WindowRoom {
  readonly #pace: Pace;
  #inFlightBytes = 0;
  #windowBytes = 0;
  #windowCells = 0;
  #reservedBytes = 0;
  #reservedCells = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  depart(cell: Cell): void {
    if (!cell.reserved) this.#inFlightBytes += sizeOf(cell);
  }

  arrive(cell: Cell): void {
    if (!cell.reserved) this.#inFlightBytes -= sizeOf(cell);
  }

  enter(cell: Cell): void {
    if (cell.reserved) {
      this.#reservedBytes += sizeOf(cell);
      this.#reservedCells++;
    } else {
      this.#windowBytes += sizeOf(cell);
      this.#windowCells++;
    }
  }

  leave(cell: Cell): void {
    if (cell.reserved) {
      this.#reservedBytes -= sizeOf(cell);
      this.#reservedCells--;
    } else {
      this.#windowBytes -= sizeOf(cell);
      this.#windowCells--;
    }
  }

  takesAgain(cell: Cell): boolean {
    return cell.reserved || this.#inFlightBytes === 0 || this.#inFlightBytes + sizeOf(cell) <= this.#pace.window();
  }

  space(): number {
    return Math.min(this.#pace.window() - this.#inFlightBytes, protocol.windowMaxBytes - this.#windowBytes) - msgOverhead;
  }

  isOpen(): boolean {
    return this.#windowCells < protocol.windowMaxCells && this.space() >= sliverBytes;
  }

  takes(cells: number, bytes: number): boolean {
    return this.#windowCells + cells <= protocol.windowMaxCells && bytes + sliverBytes <= this.space();
  }

  onReserve(far: Reach): boolean {
    const share = far === reach.critical ? 1 : controlShare;
    return this.#reservedCells < protocol.windowReserveCells * share && this.#reservedBytes + msgOverhead + sliverBytes <= protocol.windowReserveBytes * share;
  }

  reserveSpace(critical: boolean): number {
    return protocol.windowReserveBytes * (critical ? 1 : controlShare) - this.#reservedBytes - msgOverhead;
  }

  bytes(): number {
    return this.#windowBytes + this.#reservedBytes;
  }

  cells(): number {
    return this.#windowCells + this.#reservedCells;
  }
}

export const createWindowRoom = (pace: Pace): WindowRoom => new LinkWindowRoom(pace);
