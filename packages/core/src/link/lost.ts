import { createFifo, type Fifo } from "./fifo.js";
import type { Cell } from "./loss.js";

/** Cells that are to be sent again: the higher lanes first, each lane in the order of loss. */
export interface LostCells {
  /** Without those that were acknowledged meanwhile. */
  readonly count: number;
  add(cell: Cell): void;
  first(): Cell | undefined;
  /** The first goes now. */
  take(cell: Cell): void;
  /** It had come after all. */
  came(): void;
}

class LinkLostCells implements LostCells {
  count = 0;
  /** From the first loss on. */
  #lanes: readonly Fifo<Cell>[] = [];

  add(cell: Cell): void {
    if (this.#lanes.length === 0) this.#lanes = [createFifo(), createFifo(), createFifo(), createFifo()];
    (this.#lanes[cell.lane] as Fifo<Cell>).push(cell);
    this.count++;
  }

  first(): Cell | undefined {
    if (this.count === 0) return undefined;
    for (const fifo of this.#lanes) {
      for (let cell = fifo.peek(); cell !== undefined; cell = fifo.peek()) {
        if (!cell.acknowledged) return cell;
        fifo.shift();
      }
    }
    return undefined;
  }

  take(cell: Cell): void {
    this.#lanes[cell.lane]?.shift();
    this.count--;
  }

  came(): void {
    this.count--;
  }
}

export const createLostCells = (): LostCells => new LinkLostCells();
