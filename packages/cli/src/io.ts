import type { Readable, Writable } from "node:stream";
import type { Runtime } from "@tightbeam/core/runtime";

export type StopSignal = "SIGINT" | "SIGTERM";

/** What a run of the command line touches of its process: tests hand in their own. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  readonly runtime: Runtime;
  /** Told when somebody asks this process to end. Returns a function that ends it. */
  onStop(listener: (signal: StopSignal) => void): () => void;
}
