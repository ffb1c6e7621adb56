import { parseArgs } from "node:util";
import { faultText } from "@tightbeam/simulation";
import { type Failure, type Progress, runMany } from "./many.js";
import { drawnFaults, runTask } from "./task.js";

const usage = `Usage: npm run simulate -- --seed 17 [--faults 0,3 | none]   one simulation again
       npm run simulate -- --seeds 100000 [--from 0] [--processes 2] [--failures 5]   many, over all processors, until so many have failed
`;

export interface MainOptions {
  readonly worker: string;
  readonly print: (text: string) => void;
  /** Where it says how far it is. */
  readonly progress?: (text: string) => void;
}

/** How often it says so, ms. */
const progressEveryMs = 10_000;

/** `npm run simulate`. Resolves with the exit code. */
export async function main(args: readonly string[], { worker, print, progress = () => undefined }: MainOptions): Promise<number> {
  const wanted = readArguments(args);
  if (wanted === undefined) {
    print(usage);
    return args.includes("--help") ? 0 : 2;
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
  const { from, count, ...limits } = wanted;
  const started = Date.now();
  let told = started;
  const describe = ({ seeds, cpuMs, rss }: Progress): string => {
    const seconds = Math.max(1, Date.now() - started) / 1_000;
    const each = `${(seeds / seconds).toFixed(1)} a second, ${(cpuMs / Math.max(1, seeds)).toFixed(1)} ms of processor time each`;
    return `${seeds.toLocaleString("en")} seeds in ${seconds.toFixed(0)} s: ${each}, at most ${Math.round(rss / 1e6)} MB in a process`;
  };
  const onDone = (so: Progress): void => {
    if (Date.now() - told < progressEveryMs) return;
    told = Date.now();
    progress(`${describe(so)}\n`);
  };
  const onFailed = ({ text }: Failure): void => print(`\n${text}\n`);
  const many = await runMany({ worker, from, count, onDone, onFailed, ...limits });
  const { failures } = many;
  const which = failures.length === 0 ? "" : `: ${failures.map(({ seed }) => seed).join(", ")}`;
  print(`${describe(many)}. From ${from}, ${failures.length} failed${which}\n`);
  return failures.length === 0 ? 0 : 1;
}

type Wanted =
  | { readonly seed: number; readonly faults: readonly number[] | undefined }
  | { readonly from: number; readonly count: number; readonly processes?: number; readonly failuresMax?: number };

/** Undefined for what makes no sense. */
export function readArguments(args: readonly string[]): Wanted | undefined {
  const values = valuesOf(args);
  if (values === undefined) return undefined;
  const { seed, faults, seeds, from = "0", processes, failures } = values;
  const isNumber = (value: string): boolean => /^\d{1,10}$/.test(value) && Number(value) < 2 ** 32;
  const given = [seed, seeds, from, processes, failures].filter((value) => value !== undefined);
  if (!given.every(isNumber) || (seed === undefined) === (seeds === undefined)) return undefined;
  if ([processes, failures].some((value) => value !== undefined && Number(value) === 0)) return undefined;
  if (seed === undefined)
    return {
      from: Number(from),
      count: Number(seeds),
      ...(processes === undefined ? {} : { processes: Number(processes) }),
      ...(failures === undefined ? {} : { failuresMax: Number(failures) }),
    };
  const list = faults === undefined || faults === "none" ? [] : faults.split(",");
  if (!list.every(isNumber)) return undefined;
  return { seed: Number(seed), faults: faults === undefined ? undefined : list.map(Number) };
}

function valuesOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({ args: [...args], options: { seed: text, faults: text, seeds: text, from: text, processes: text, failures: text } }).values;
  } catch {
    return undefined;
  }
}
