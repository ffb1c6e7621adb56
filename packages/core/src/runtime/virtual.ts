import { TightbeamError } from "../errors.js";
import type { Runtime } from "./runtime.js";
import { timerHeap } from "./timer-heap.js";

export interface VirtualRuntimeOptions {
  /** Same seed, same bytes from `random`. Its low 32 bits count. */
  readonly seed: number;
  /** Wall clock at the start, ms since 1970. Default 1_750_000_000_000. `monotonic` starts at 0. */
  readonly start?: number;
  /** A jump of at least this many virtual ms first gives real time (about 1 ms) to native work such as WebCrypto. Default 250. */
  readonly longGap?: number;
}

/** A runtime whose time moves only when told, with predictable randomness. For tests and simulations, never for keys that matter. */
export interface VirtualRuntime extends Runtime {
  /** Virtual ms since the start. */
  readonly now: number;
  /** Runs what is due within the next `ms`, in order, letting promises and native crypto settle in between. Calls queue up. Rejects with what a callback throws. */
  advance(ms: number): Promise<void>;
  /** The same without waiting for promises: for code that is synchronous throughout. */
  advanceSync(ms: number): void;
}

const turnsPerSettle = 3;
/** More rounds of `turn` callbacks without time moving than any real program needs: a livelock. */
const turnRoundsMax = 100_000;

/** xoshiro128** (Blackman and Vigna), seeded by splitmix32. Not secure, on purpose. */
function seededBytes(seed: number): (length: number) => Uint8Array {
  let s = seed >>> 0;
  const next = (): number => {
    s = (s + 0x9e3779b9) >>> 0;
    let z = s;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [next(), next(), next(), next()];
  const rotate = (x: number, by: number): number => ((x << by) | (x >>> (32 - by))) >>> 0;
  const word = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5) >>> 0, 7), 9) >>> 0;
    const t = (b << 9) >>> 0;
    c = (c ^ a) >>> 0;
    d = (d ^ b) >>> 0;
    b = (b ^ c) >>> 0;
    a = (a ^ d) >>> 0;
    c = (c ^ t) >>> 0;
    d = rotate(d, 11);
    return result;
  };
  return (length) => {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const value = word();
      for (let j = 0; j < 4 && i + j < length; j++) out[i + j] = value >>> (8 * j);
    }
    return out;
  };
}

const realTurn = (): Promise<void> =>
  new Promise((resolve) => {
    const immediate = (globalThis as { setImmediate?: (run: () => void) => unknown }).setImmediate;
    if (typeof immediate === "function") immediate(resolve);
    else setTimeout(resolve, 0);
  });

export function createVirtualRuntime(options: VirtualRuntimeOptions): VirtualRuntime {
  const start = options.start ?? 1_750_000_000_000;
  const longGap = options.longGap ?? 250;
  const timers = timerHeap();
  let now = 0;
  let turns: (() => void)[] = [];
  let queue: Promise<void> = Promise.resolve();

  function runTurns(): void {
    for (let round = 0; turns.length > 0; round++) {
      if (round === turnRoundsMax) throw new TightbeamError("internal", "turn callbacks keep asking for another turn without time moving");
      const due = turns;
      turns = [];
      for (let i = 0; i < due.length; i++) {
        try {
          (due[i] as () => void)();
        } catch (error) {
          turns = [...due.slice(i + 1), ...turns];
          throw error;
        }
      }
    }
  }

  async function settle(): Promise<void> {
    let quiet = 0;
    for (let round = 0; quiet < turnsPerSettle; round++) {
      if (round === turnRoundsMax) throw new TightbeamError("internal", "turn callbacks keep asking for another turn without time moving");
      await realTurn();
      quiet = turns.length === 0 ? quiet + 1 : 0;
      runTurns();
    }
  }

  async function run(ms: number): Promise<void> {
    const end = now + ms;
    await settle();
    for (;;) {
      let gap = Math.min(timers.next(), end) - now;
      if (gap >= longGap) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        await settle();
        gap = Math.min(timers.next(), end) - now;
      }
      const due = timers.take(end);
      if (due === undefined) break;
      now = Math.max(now, due.at);
      due.run();
      await settle();
    }
    now = end;
  }

  const check = (ms: number): void => {
    if (!(ms >= 0 && Number.isFinite(ms))) throw new TightbeamError("invalid_argument", "time advances by a finite, non-negative number of ms");
  };

  return Object.freeze({
    clock: Object.freeze({ monotonic: () => now, wall: () => Math.floor(start + now) }),
    random: Object.freeze({ bytes: seededBytes(options.seed) }),
    timers: Object.freeze({
      after: (ms: number, callback: () => void) => timers.add(now + Math.max(0, ms), callback),
      turn: (callback: () => void) => void turns.push(callback),
    }),
    get now() {
      return now;
    },
    async advance(ms: number) {
      check(ms);
      const mine = queue.then(() => run(ms));
      queue = mine.catch(() => undefined);
      await mine;
    },
    advanceSync(ms: number) {
      check(ms);
      const end = now + ms;
      runTurns();
      for (let due = timers.take(end); due !== undefined; due = timers.take(end)) {
        now = Math.max(now, due.at);
        due.run();
        runTurns();
      }
      now = end;
    },
  });
}
