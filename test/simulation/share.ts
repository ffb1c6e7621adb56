/** Seeds that one process runs. */
export interface Share {
  readonly from: number;
  readonly to: number;
}

/** What it says of them. `next`: all before it are done. */
export type Said =
  | { readonly type: "done"; readonly next: number; readonly seeds: number; readonly cpuMs: number; readonly rss: number }
  | { readonly type: "failed"; readonly next: number; readonly seed: number; readonly text: string };

/** How often it says how far it is, in seeds. */
export const doneEvery = 20;
