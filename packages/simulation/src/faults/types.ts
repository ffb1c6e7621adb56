/** ms since the start, and how long. */
interface During {
  readonly at: number;
  readonly for: number;
}

/** What happens to single frames of a direction. `*` is anybody. */
export interface FrameFault extends During {
  /**
   * drop: lost. duplicate: comes twice. delay: takes up to `ms` longer, in order. reorder: takes up to `ms` longer, and others pass it.
   * truncate: loses its end. flip: one bit changes. replay: comes again up to `ms` later. splice: comes to somebody else, or with the head of another frame.
   */
  readonly kind: "drop" | "duplicate" | "delay" | "reorder" | "truncate" | "flip" | "replay" | "splice";
  readonly from: string;
  readonly to: string;
  /** Of each frame, 0 to 1. */
  readonly probability: number;
  /** Default 50. */
  readonly ms?: number;
}

/** Everything between two agents is lost: both ways, or one. */
export interface PartitionFault extends During {
  readonly kind: "partition" | "oneWay";
  readonly from: string;
  readonly to: string;
}

/** An agent's own transport is down, once, or up and down every `ms`. */
export interface CutFault extends During {
  readonly kind: "cut" | "flap";
  readonly agent: string;
  /** For `flap`. Default 200. */
  readonly ms?: number;
}

/** The process is killed and starts again when `for` is over: its memory is gone, its disk holds what was flushed. It is stopped (`pause`): nothing runs in it, and then everything at once. */
export interface ProcessFault extends During {
  readonly kind: "crash" | "pause";
  readonly agent: string;
}

/** The wall clock jumps `by` ms, or both clocks run at `rate` for a while. */
export type ClockFault =
  | { readonly kind: "jump"; readonly agent: string; readonly at: number; readonly by: number }
  | ({ readonly kind: "drift"; readonly agent: string; readonly rate: number } & During);

/** full: writes find no room. torn: the process is killed in the middle of its next flush, and starts again when `for` is over. fsync: its next flush fails; it is killed and starts again when `for` is over. rot: one bit of a value on the disk changes; header: of what a store there says of itself. */
export type DiskFault =
  | ({ readonly kind: "full" | "torn" | "fsync"; readonly agent: string } & During)
  | { readonly kind: "rot" | "header"; readonly agent: string; readonly at: number };

export type Fault = (FrameFault | PartitionFault | CutFault | ProcessFault | ClockFault | DiskFault) & {
  /** What its chance is drawn with, so that it does the same when others are left out. Default: its place in the list. */
  readonly id?: number;
};

export type FaultKind = Fault["kind"];

/** A fault of a list, with what its place gives it. */
export type Listed = Fault & { readonly id: number };

export const listed = (faults: readonly Fault[]): Listed[] => faults.map((fault, index) => ({ ...fault, id: fault.id ?? index }) as Listed);
