// Who answered how much, as a table.
import { figure, type Screen } from "../demo/screen.js";
import type { Outcome } from "./load.js";
import type { WorkerProcess } from "./workers.js";

const barWidth = 32;

/** Of what was asked between two times and answered. */
export function countShares(outcomes: readonly Outcome[], from: number, to: number): ReadonlyMap<number, number> {
  const shares = new Map<number, number>();
  for (const { at, pid } of outcomes) if (pid !== undefined && at >= from && at < to) shares.set(pid, (shares.get(pid) ?? 0) + 1);
  return shares;
}

export function showShares({ line, paint }: Screen, workers: readonly WorkerProcess[], shares: ReadonlyMap<number, number>, dead: ReadonlySet<number>): void {
  const total = [...shares.values()].reduce((sum, each) => sum + each, 0);
  const most = Math.max(1, ...shares.values());
  line(paint.faint(`  ${"".padEnd(barWidth + 21)}answered  share`));
  for (const { name, pid } of workers) {
    const count = shares.get(pid) ?? 0;
    const bar = "█".repeat(Math.round((count / most) * barWidth)).padEnd(barWidth);
    const percent = `${Math.round((count / Math.max(total, 1)) * 100)} %`;
    const row = `  ${name.padEnd(9)} ${String(pid).padEnd(8)} ${bar} ${figure(count).padStart(8)}  ${percent.padStart(5)}`;
    line(dead.has(pid) ? paint.bad(`${row}  dead`) : row);
  }
}
