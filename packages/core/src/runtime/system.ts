import { TightbeamError } from "../errors.js";
import type { Random, Runtime, Timers } from "./runtime.js";

const poolBytes = 4096;
/** Larger reads go straight to the generator. */
const pooledReadMax = 256;
/** WebCrypto's limit for one call. */
const generatorMax = 65_536;
/** setTimeout takes a signed 32-bit number of ms and fires at once for more. */
const timeoutMax = 2 ** 31 - 1;

function fill(target: Uint8Array<ArrayBuffer>): void {
  const source = globalThis.crypto;
  if (source === undefined || typeof source.getRandomValues !== "function")
    throw new TightbeamError("unsupported", "this runtime has no globalThis.crypto.getRandomValues, no secure randomness");
  try {
    for (let at = 0; at < target.length; at += generatorMax) source.getRandomValues(target.subarray(at, at + generatorMax));
  } catch (cause) {
    throw new TightbeamError("internal", "the random generator failed: no key can be made", { cause });
  }
}

/** Small reads come from a pool, because a call of the generator costs far more than 32 bytes of it; bytes handed out are erased from the pool. */
function systemRandom(): Random {
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  return Object.freeze({
    bytes(length: number): Uint8Array {
      if (!Number.isSafeInteger(length) || length < 0) throw new TightbeamError("invalid_argument", "random.bytes takes a whole number of bytes");
      if (length > pooledReadMax) {
        const out = new Uint8Array(length);
        fill(out);
        return out;
      }
      if (used + length > poolBytes) {
        used = poolBytes;
        fill(pool);
        used = 0;
      }
      const out = pool.slice(used, used + length);
      pool.fill(0, used, used + length);
      used += length;
      return out;
    },
  });
}

function after(ms: number, run: () => void, options?: { background?: boolean }): () => void {
  if (Number.isNaN(ms)) throw new TightbeamError("invalid_argument", "a timer needs a number of ms");
  let left = Math.max(0, ms);
  let handle: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const part = Math.min(left, timeoutMax);
    left -= part;
    handle = setTimeout(left > 0 ? arm : run, part);
    if (options?.background === true) (handle as unknown as { unref?: () => void }).unref?.();
  };
  arm();
  return () => clearTimeout(handle);
}

function systemTurn(): Timers["turn"] {
  const immediate = (globalThis as { setImmediate?: (run: () => void) => unknown }).setImmediate;
  if (typeof immediate === "function") return (run) => void immediate(run);
  if (typeof MessageChannel !== "function") return (run) => void setTimeout(run, 0);
  // A timeout of 0 is clamped to 4 ms in pages; a message is not.
  const waiting: (() => void)[] = [];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => waiting.shift()?.();
  return (run) => {
    waiting.push(run);
    channel.port2.postMessage(undefined);
  };
}

const settled = Promise.resolve();

function systemTimers(): Timers {
  const turn = systemTurn();
  const { process } = globalThis as { process?: { nextTick?: Timers["turn"] } };
  const last = process?.nextTick ?? turn;
  // Node runs its ticks when the promises that are ready have run, and the other way round: a tick that a promise asks for comes after all of those.
  // Not `queueMicrotask`, which makes an object for async hooks each time.
  return Object.freeze({ after, turn, soon: (run: () => void) => void settled.then(() => last(run)) });
}

let shared: Runtime | undefined;

/** The machine's clock, generator and timers: one frozen object for the whole process. */
export function systemRuntime(): Runtime {
  // On Node the global `performance` is a getter, which each look at the clock would call.
  const { performance } = globalThis;
  shared ??= Object.freeze({
    clock: Object.freeze({ monotonic: () => performance.now(), wall: () => Date.now() }),
    random: systemRandom(),
    timers: systemTimers(),
  });
  return shared;
}
