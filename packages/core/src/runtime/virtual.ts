import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import { workUnderWay } from "../under-way.js";
import type { Runtime } from "./runtime.js";
import { timerHeap } from "./timer-heap.js";

export interface VirtualRuntimeOptions {
  /** Same seed, same bytes from `random`. Its low 32 bits count. */
  readonly seed: number;
  /** Wall clock at the start, ms since 1970. Default 1_750_000_000_000. `monotonic` starts at 0. */
  readonly start?: number | undefined;
  /** Before this many virtual ms have passed, in one jump or in many, native work such as WebCrypto gets real time (1 ms or more). Default 250. */
  readonly longGap?: number | undefined;
}

/** A runtime whose time moves only when told, with predictable randomness. For tests and simulations, never for keys that matter. */
export interface VirtualRuntime extends Runtime {
  /** Virtual ms since the start. */
  readonly now: number;
  /** Runs what is due within the next `ms`, in order, letting promises, the loading of core's parts and native crypto settle in between. Calls queue up. Rejects with what a callback throws. */
  advance(ms: number): Promise<void>;
  /** The same without waiting for promises: for code that is synchronous throughout. */
  advanceSync(ms: number): void;
}

const turnsPerSettle = 3;
/** More than the threads that do WebCrypto's work (four in Node), so that each of them has one behind what it does now. */
const probesPerRound = 8;
/** As many steps of native work may hang together (verify, then sign) before a long jump. */
const probeRounds = 1;
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

/** ms of real time that core's own work in threads and files gets, before time goes on without it. */
const underWayMaxMs = 500;
/** A signature is verified sooner than a timer of 1 ms rings. */
const shortTurns = 100;
/** So much of it has had its time, and does not come to an end. */
let givenUp = 0;

/** What core has counted: modules that are being loaded, tokens that are being verified. */
async function countedWork(): Promise<void> {
  givenUp = Math.min(givenUp, workUnderWay());
  for (let turn = 0; workUnderWay() > givenUp && turn < shortTurns; turn++) await realTurn();
  for (let ms = 0; workUnderWay() > givenUp && ms < underWayMaxMs; ms++) await new Promise((resolve) => setTimeout(resolve, 1));
  givenUp = workUnderWay();
}

/** Native work of others cannot be seen from here, but work of the same kind queues behind it: a busy machine delays both. */
async function nativeWork(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  const { subtle } = globalThis.crypto;
  const probe = new Uint8Array(1_024);
  for (let round = 0; round < probeRounds; round++) {
    await Promise.all(Array.from({ length: probesPerRound }, () => subtle.digest("SHA-256", probe)));
    await realTurn();
  }
}

export function createVirtualRuntime(options: VirtualRuntimeOptions): VirtualRuntime {
  checkKnown("createVirtualRuntime", options, ["seed", "start", "longGap"]);
  const start = options.start ?? 1_750_000_000_000;
  const longGap = options.longGap ?? 250;
  const timers = timerHeap();
  let now = 0;
  let nativeAt = 0;
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
      if (workUnderWay() > 0) await countedWork();
      quiet = turns.length === 0 ? quiet + 1 : 0;
      runTurns();
    }
  }

  async function run(ms: number): Promise<void> {
    const end = now + ms;
    await settle();
    for (;;) {
      if (Math.min(timers.next(), end) - nativeAt >= longGap) {
        await nativeWork();
        await settle();
        nativeAt = now;
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
      soon: (callback: () => void) => void turns.push(callback),
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
