import { type Address, frameOverheadBytes, type Runtime } from "@tightbeam/core/transport";
import { gate } from "./gate.js";

/** No frame waits longer than this for others to pass it. */
const passedWithinMs = 20;
/** Above this, `pressure` makes its caller wait. */
const highWaterBytes = 1024 * 1024;
/** Above this, frames are lost: callers that do not await cannot fill the memory. */
const maxBytes = 16 * 1024 * 1024;

interface Held {
  readonly to: Address;
  readonly frame: Uint8Array;
  readonly due: number;
}
interface Behind extends Held {
  left: number;
}

/** Frames on their way: a line in order of departure, and the ones that let others pass. Bounded. */
export interface Line {
  /** True when nothing waits, so a frame without delay may go at once. */
  readonly empty: boolean;
  /** Resolves when more may be held. */
  pressure(): Promise<void>;
  /** Copies the frame and keeps it for `ms`; it never leaves before one that is held already. False when there is no room: the frame is lost. */
  hold(to: Address, frame: Uint8Array, ms: number): boolean;
  /** Copies the frame and keeps it until `frames` more have departed. False when there is no room. */
  holdBehind(to: Address, frame: Uint8Array, frames: number): boolean;
  /** Says that a frame has departed without being held. */
  departed(): void;
  /** Lets everything go now, in order. */
  flush(): void;
  /** Forgets everything. Returns how many frames that were. */
  clear(): number;
}

const open: Promise<void> = Promise.resolve();
const costOf = (frame: Uint8Array): number => frame.byteLength + frameOverheadBytes;

/** `depart` resolves, and never rejects, when the medium takes more: until then a frame counts as held. */
export function createLine({ clock, timers }: Runtime, depart: (to: Address, frame: Uint8Array) => Promise<void>): Line {
  let line: Held[] = [];
  let next = 0;
  let passed: Behind[] = [];
  /** Of what waits here, and of frames that have left and whose `depart` has not settled. */
  let bytes = 0;
  let cancel: (() => void) | undefined;
  let armedFor = Number.POSITIVE_INFINITY;
  let tight = false;
  let relief = gate();

  const take = (frame: Uint8Array): Uint8Array | undefined => {
    const cost = costOf(frame);
    if (bytes + cost > maxBytes) return undefined;
    bytes += cost;
    return new Uint8Array(frame);
  };
  const leave = ({ to, frame }: Held) => {
    const cost = costOf(frame);
    void depart(to, frame).then(() => {
      bytes -= cost;
      relieve();
    });
  };
  const relieve = () => {
    if (!tight || bytes > highWaterBytes) return;
    tight = false;
    relief.open();
    relief = gate();
  };
  const letPass = (ready: (held: Behind) => boolean) => {
    if (!passed.some(ready)) return;
    const leaving = passed.filter(ready);
    passed = passed.filter((held) => !ready(held));
    for (const held of leaving) leave(held);
  };
  const departed = () => {
    for (const held of passed) held.left -= 1;
    letPass((held) => held.left <= 0);
    relieve();
  };
  const arm = () => {
    // Both are in the order they fall due.
    const due = Math.min(line[next]?.due ?? Number.POSITIVE_INFINITY, passed[0]?.due ?? Number.POSITIVE_INFINITY);
    if (due >= armedFor) return;
    cancel?.();
    armedFor = due;
    cancel = timers.after(Math.max(0, due - clock.monotonic()), run);
  };
  const disarm = () => {
    cancel?.();
    cancel = undefined;
    armedFor = Number.POSITIVE_INFINITY;
  };
  const run = () => {
    disarm();
    const now = clock.monotonic();
    for (let held = line[next]; held !== undefined && held.due <= now; held = line[next]) {
      next += 1;
      leave(held);
      departed();
    }
    line = line.slice(next);
    next = 0;
    letPass((held) => held.due <= now);
    relieve();
    arm();
  };
  const clear = (): Held[] => {
    const all = [...line.slice(next), ...passed];
    line = [];
    next = 0;
    passed = [];
    for (const { frame } of all) bytes -= costOf(frame);
    disarm();
    relieve();
    return all;
  };

  return {
    get empty() {
      return line.length === 0;
    },
    pressure() {
      if (bytes <= highWaterBytes) return open;
      tight = true;
      return relief.passed;
    },
    hold(to, frame, ms) {
      const copy = take(frame);
      if (copy === undefined) return false;
      const due = Math.max(line.at(-1)?.due ?? 0, clock.monotonic() + ms);
      line.push({ to, frame: copy, due });
      arm();
      return true;
    },
    holdBehind(to, frame, left) {
      const copy = take(frame);
      if (copy === undefined) return false;
      passed.push({ to, frame: copy, left, due: clock.monotonic() + passedWithinMs });
      arm();
      return true;
    },
    departed,
    flush() {
      for (const held of clear()) void depart(held.to, held.frame);
    },
    clear: () => clear().length,
  };
}
