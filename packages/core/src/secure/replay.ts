import * as protocol from "../protocol.js";

/**
 * RFC 6479: a sliding window over the counters of one key epoch, as a ring of bit blocks. Counters here are the
 * low 16 bits of a frame's counter, since every epoch has its own window; so all arithmetic stays in 32 bits.
 */
export interface ReplayWindow {
  /** True when `counter` may still be accepted. Changes nothing. */
  fresh(counter: number): boolean;
  /** Marks an authenticated counter as seen. Only after `fresh` said so. */
  accept(counter: number): void;
}

const blockBits = 32;
/** One block more than the window, so that the block being filled never shares its place with one still in use. */
const blocks = protocol.replayWindow / blockBits + 1;

class Window implements ReplayWindow {
  /** Made when the first counter is accepted: keys derived ahead of time need none. */
  #ring: Uint32Array | undefined;
  #last = -1;

  fresh(counter: number): boolean {
    if (counter > this.#last || this.#ring === undefined) return true;
    if (this.#last - counter >= protocol.replayWindow) return false;
    return ((this.#ring[(counter >>> 5) % blocks] as number) & (1 << (counter & 31))) === 0;
  }

  accept(counter: number): void {
    this.#ring ??= new Uint32Array(blocks);
    const ring = this.#ring;
    if (counter > this.#last) {
      const block = counter >>> 5;
      const from = this.#last < 0 ? -1 : this.#last >>> 5;
      if (block - from >= blocks) ring.fill(0);
      else for (let i = from + 1; i <= block; i++) ring[i % blocks] = 0;
      this.#last = counter;
    }
    const place = (counter >>> 5) % blocks;
    ring[place] = (ring[place] as number) | (1 << (counter & 31));
  }
}

export const createReplayWindow = (): ReplayWindow => new Window();
