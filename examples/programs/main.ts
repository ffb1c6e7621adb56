// Runs one of the small examples over one of the transports, and judges it.
import { parseArgs } from "node:util";
import { isTightbeamError, TightbeamError } from "@tightbeam/core";
import { createScreen } from "../demo/screen.js";
import type { Example } from "./example.js";
import { examples } from "./list.js";
import { openPlace, type Sources, type TransportName, transportNames } from "./place.js";

/** s. A machine this slow should say so rather than seem to hang. */
const patience = 60;

const usage = `Usage: npm run example -- <name> [--transport memory|websocket|nats]

${examples.map(({ name, about }) => `  ${name.padEnd(15)} ${about}`).join("\n")}

  --transport     what carries the frames (default memory)
  --help          this text

NO_COLOR=1 turns colours off. Exit codes: 0 it did what it says, 1 it did not,
2 wrong options or no nats-server.
`;

/** Resolves with the exit code. */
export async function main(args: readonly string[], sources: Sources): Promise<number> {
  try {
    const options = readOptions(args);
    if (options === undefined) {
      process.stdout.write(usage);
      return 0;
    }
    return await runExample(options.example, options.transport, sources);
  } catch (error) {
    if (!isTightbeamError(error)) throw error;
    process.stderr.write(`${error.code}: ${error.message}\nSee npm run example -- --help.\n`);
    return 2;
  }
}

function readOptions(args: readonly string[]): { readonly example: Example; readonly transport: TransportName } | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true || args.length === 0) return undefined;
  const [name, ...more] = positionals;
  const example = examples.find((each) => each.name === name);
  if (example === undefined || more.length > 0) throw invalid(`Name one example: ${examples.map((each) => each.name).join(", ")}.`);
  const transport = transportNames.find((each) => each === (values.transport ?? "memory"));
  if (transport === undefined) throw invalid(`'${values.transport?.slice(0, 40)}' is no transport; choose ${transportNames.join(", ")}.`);
  return { example, transport };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { transport: { type: "string" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw invalid(`${(error as Error).message.split(". ")[0]}.`);
  }
}

async function runExample(example: Example, transport: TransportName, sources: Sources): Promise<number> {
  const screen = createScreen(process.stdout, process.env);
  const { line, paint } = screen;
  const place = await openPlace(transport, sources);
  let late: NodeJS.Timeout | undefined;
  try {
    line(paint.strong(`${example.name}, over ${transport}`));
    line(paint.faint(example.about));
    const tooLong = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`It did not end within ${patience} s.`)), patience * 1_000);
    });
    const faults = await Promise.race([example.run(place, screen), tooLong]);
    for (const fault of faults) line(paint.bad(`FAILED: ${fault}`));
    if (faults.length === 0) line(paint.good("It did what it says."));
    return faults.length === 0 ? 0 : 1;
  } catch (error) {
    line(paint.bad(`FAILED: ${error instanceof Error ? error.message : String(error)}`));
    return 1;
  } finally {
    clearTimeout(late);
    await place.close();
  }
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
