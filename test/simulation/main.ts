import { parseArgs } from "node:util";
import { faultText } from "@tightbeam/simulation";
import { runMany } from "./many.js";
import { drawnFaults, runTask } from "./task.js";

const usage = `npm run simulate -- --seed 17 [--faults 0,3 | none]   one simulation again
npm run simulate -- --seeds 100000 [--from 0] [--processes 2]   many, over all processors
`;

export interface MainOptions {
  readonly worker: string;
  readonly print: (text: string) => void;
}

/** `npm run simulate`. Resolves with the exit code. */
export async function main(args: readonly string[], { worker, print }: MainOptions): Promise<number> {
  const wanted = readArguments(args);
  if (wanted === undefined) {
    print(usage);
    return 2;
  }
  if ("seed" in wanted) {
    const { seed, faults } = wanted;
    const drawn = await drawnFaults(seed);
    const chosen = faults === undefined ? drawn : drawn.filter(({ id }) => faults.includes(id));
    print(
      `Seed ${seed}, with ${chosen.length} of ${drawn.length} faults${chosen.length === 0 ? "" : ":"}\n${chosen.map((fault) => `  ${faultText(fault)}\n`).join("")}`,
    );
    const text = await runTask(faults === undefined ? { seed } : { seed, faults });
    print(`${text ?? "Everything held."}\n`);
    return text === undefined ? 0 : 1;
  }
  const { from, count, processes } = wanted;
  const started = Date.now();
  let told = 0;
  const rate = (seeds: number): string => `${seeds.toLocaleString("en")} seeds, ${Math.round((seeds * 1_000) / Math.max(1, Date.now() - started))} a second`;
  const onDone = (seeds: number): void => {
    if (Date.now() - told < 10_000) return;
    told = Date.now();
    print(`${rate(seeds)}\n`);
  };
  const { seeds, failures } = await runMany({ worker, from, count, onDone, ...(processes === undefined ? {} : { processes }) });
  for (const { text } of failures) print(`\n${text}\n`);
  print(`${rate(seeds)}, ${failures.length} failed\n`);
  return failures.length === 0 ? 0 : 1;
}

type Wanted =
  | { readonly seed: number; readonly faults: readonly number[] | undefined }
  | { readonly from: number; readonly count: number; readonly processes: number | undefined };

/** Undefined for what makes no sense. */
export function readArguments(args: readonly string[]): Wanted | undefined {
  const values = valuesOf(args);
  if (values === undefined) return undefined;
  const { seed, faults, seeds, from = "0", processes } = values;
  const isNumber = (value: string): boolean => /^\d{1,10}$/.test(value) && Number(value) < 2 ** 32;
  const given = [seed, seeds, from, processes].filter((value) => value !== undefined);
  if (!given.every(isNumber) || (seed === undefined) === (seeds === undefined)) return undefined;
  if (seed === undefined) return { from: Number(from), count: Number(seeds), processes: processes === undefined ? undefined : Number(processes) };
  const list = faults === undefined || faults === "none" ? [] : faults.split(",");
  if (!list.every(isNumber)) return undefined;
  return { seed: Number(seed), faults: faults === undefined ? undefined : list.map(Number) };
}

function valuesOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({ args: [...args], options: { seed: text, faults: text, seeds: text, from: text, processes: text } }).values;
  } catch {
    return undefined;
  }
}
