import type { FrameFault } from "../faults/types.js";
import type { Chance } from "../random.js";

/** A frame on its way. */
export interface Flight {
  readonly to: string;
  readonly frame: Uint8Array;
  /** ms beside what the way takes. */
  readonly extra: number;
  /** It keeps its place among those of its direction. */
  readonly inOrder: boolean;
}

export interface TamperOptions {
  readonly fault: FrameFault;
  readonly chance: Chance;
  /** Inboxes seen so far, and the last frame to an address. */
  readonly inboxes: readonly string[];
  readonly last: (to: string) => Uint8Array | undefined;
}

/** Bytes of a frame that are not sealed: what a splice puts before another frame's ciphertext. */
const headBytes = 20;

/** What becomes of a frame, and what was done to it: undefined when nothing was. */
export function tamper(
  flight: Flight,
  { fault, chance, inboxes, last }: TamperOptions,
): { readonly flights: readonly Flight[]; readonly what: string } | undefined {
  if (!chance.is(fault.probability)) return undefined;
  const most = fault.ms ?? 50;
  const { frame } = flight;
  switch (fault.kind) {
    case "drop":
      return { flights: [], what: "dropped" };
    case "duplicate":
      return { flights: [flight, flight], what: "duplicated" };
    case "delay":
      return { flights: [{ ...flight, extra: flight.extra + chance.between(0, most) }], what: "delayed" };
    case "reorder":
      return { flights: [{ ...flight, extra: flight.extra + chance.between(0, most), inOrder: false }], what: "reordered" };
    case "truncate":
      return { flights: [{ ...flight, frame: frame.subarray(0, chance.below(frame.length)) }], what: "truncated" };
    case "flip":
      return { flights: [{ ...flight, frame: flipped(frame, chance) }], what: "flipped" };
    case "replay":
      return { flights: [flight, { ...flight, extra: flight.extra + chance.between(1, most), inOrder: false }], what: "replayed" };
    case "splice": {
      const others = inboxes.filter((to) => to !== flight.to);
      const to = others.length === 0 ? flight.to : chance.pick(others);
      const head = chance.is(0.5) ? last(to) : undefined;
      const spliced = head === undefined ? frame : joined(head, frame);
      return { flights: [flight, { ...flight, to, frame: spliced, extra: chance.between(0, most), inOrder: false }], what: `spliced to ${to}` };
    }
  }
}

function flipped(frame: Uint8Array, chance: Chance): Uint8Array {
  if (frame.length === 0) return frame;
  const copy = frame.slice();
  const bit = chance.below(frame.length * 8);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const copy = body.slice();
  copy.set(head.subarray(0, Math.min(headBytes, copy.length)));
  return copy;
}
