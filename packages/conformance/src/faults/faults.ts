import { checkKnown, TightbeamError } from "@tightbeam/core/transport";

/** What goes wrong with frames on their way out. Probabilities are from 0 to 1 and default to 0. */
export interface Faults {
  readonly drop?: number | undefined;
  /** The frame is sent twice. */
  readonly duplicate?: number | undefined;
  /** The frame waits until 1 to `depth` later ones have passed it, or 20 ms have. */
  readonly reorder?: { readonly probability: number; readonly depth: number } | undefined;
  /** ms every frame takes, evenly from `min` to `max`. Alone it never changes the order. */
  readonly delay?: { readonly min: number; readonly max: number } | undefined;
  /** The frame loses 1 to all of its last bytes. */
  readonly truncate?: number | undefined;
  /** One bit of the frame changes. */
  readonly flip?: number | undefined;
  /** The receiver takes `ms` for a frame, so those behind it wait in its inbox. */
  readonly stall?: { readonly probability: number; readonly ms: number } | undefined;
}

export interface Settled {
  readonly drop: number;
  readonly duplicate: number;
  readonly reorder: { readonly probability: number; readonly depth: number };
  readonly delay: { readonly min: number; readonly max: number };
  readonly truncate: number;
  readonly flip: number;
  readonly stall: { readonly probability: number; readonly ms: number };
}

const names: readonly (keyof Faults)[] = ["drop", "duplicate", "reorder", "delay", "truncate", "flip", "stall"];

/** Fills in what is missing. Throws `invalid_argument` on what is no fault, a probability outside 0 to 1, a depth under 1, or a negative time. */
export function settleFaults(faults: Faults): Settled {
  checkKnown("The fault injector", faults, names);
  const {
    drop = 0,
    duplicate = 0,
    reorder = { probability: 0, depth: 1 },
    delay = { min: 0, max: 0 },
    truncate = 0,
    flip = 0,
    stall = { probability: 0, ms: 0 },
  } = faults;
  checkKnown("The fault injector under reorder", reorder, ["probability", "depth"]);
  checkKnown("The fault injector under delay", delay, ["min", "max"]);
  checkKnown("The fault injector under stall", stall, ["probability", "ms"]);
  const chances = { drop, duplicate, "reorder.probability": reorder.probability, truncate, flip, "stall.probability": stall.probability };
  for (const [name, value] of Object.entries(chances)) check(value >= 0 && value <= 1, `${name} is a probability from 0 to 1`);
  check(Number.isSafeInteger(reorder.depth) && reorder.depth >= 1, "reorder.depth is a whole number from 1");
  check(delay.min >= 0 && delay.max >= delay.min && Number.isFinite(delay.max), "delay.min and delay.max are ms, min <= max");
  check(stall.ms >= 0 && Number.isFinite(stall.ms), "stall.ms is a number of ms");
  return { drop, duplicate, reorder, delay, truncate, flip, stall };
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new TightbeamError("invalid_argument", `Fault injector: ${message}.`);
}

/** What was decided about one frame. */
export interface Decision {
  /** Counts the frames sent, from 0. */
  readonly frame: number;
  readonly to: string;
  readonly bytes: number;
  readonly dropped: boolean;
  readonly copies: number;
  /** How many later frames pass it; 0 when it keeps its place. */
  readonly behind: number;
  /** ms it takes. */
  readonly delay: number;
  /** Bytes left of it, when truncated. */
  readonly truncatedTo: number | undefined;
  /** Index of the changed bit, when one is. */
  readonly flipped: number | undefined;
}

/** Decides about one frame. Always draws eight numbers, so changing one probability leaves the other decisions as they were. */
export function decide(random: () => number, faults: Settled, frame: number, to: string, bytes: number): Decision {
  const [drop, duplicate, reorder, depth, delay, truncate, flip, where] = [random(), random(), random(), random(), random(), random(), random(), random()];
  const dropped = drop < faults.drop;
  const cut = bytes > 0 && truncate < faults.truncate ? Math.floor(where * bytes) : undefined;
  const left = cut ?? bytes;
  return {
    frame,
    to,
    bytes,
    dropped,
    copies: dropped ? 0 : duplicate < faults.duplicate ? 2 : 1,
    behind: reorder < faults.reorder.probability ? 1 + Math.floor(depth * faults.reorder.depth) : 0,
    delay: faults.delay.min + delay * (faults.delay.max - faults.delay.min),
    truncatedTo: cut,
    flipped: left > 0 && flip < faults.flip ? Math.floor(where * left * 8) : undefined,
  };
}

/** The frame as the decision leaves it: a copy when it changes. */
export function damage(frame: Uint8Array, { truncatedTo, flipped }: Decision): Uint8Array {
  if (truncatedTo === undefined && flipped === undefined) return frame;
  const damaged = new Uint8Array(frame.subarray(0, truncatedTo));
  if (flipped !== undefined) damaged[flipped >> 3] = (damaged[flipped >> 3] as number) ^ (1 << (flipped & 7));
  return damaged;
}
