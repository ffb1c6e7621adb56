// What a process that may be killed at any instant says of itself: lines in a file, each written before anything else goes on.
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";

/** accepted: the sender's promise settled, the message is on disk. done: its DONE came. started, committed: at the receiver. */
export type Deed = "tried" | "accepted" | "done" | "started" | "committed";

export interface Line {
  /** ns of the machine's monotonic clock, the same for every process. */
  readonly at: bigint;
  readonly deed: Deed;
  readonly number: number;
}

export interface Journal {
  write(deed: Deed, number: number): void;
  close(): void;
}

export function openJournal(path: string): Journal {
  const file = openSync(path, "a", 0o600);
  return {
    write: (deed, number) => void writeSync(file, `${process.hrtime.bigint()} ${deed} ${number}\n`),
    close: () => closeSync(file),
  };
}

/** What a kill left of the last line is not read. */
export function readJournal(path: string): Line[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => {
    const [at = "", deed = "", number = ""] = line.split(" ");
    return { at: BigInt(at), deed: deed as Deed, number: Number(number) };
  });
}
