// The demo: reads the options, tells the story on the stage they name, judges it, and leaves nothing behind.
import { isTightbeamError } from "@tightbeam/core";
import { broker, findBroker } from "./carrier-nats.js";
import { relay } from "./carrier-relay.js";
import { memoryStage } from "./memory.js";
import { readOptions, type TransportName, usage } from "./options.js";
import { processStage } from "./processes.js";
import { createScreen } from "./screen.js";
import type { Sources } from "./sources.js";
import type { Stage } from "./stage.js";
import { tell } from "./story.js";
import { faults, showTable } from "./verdict.js";

/** s. A machine this slow should say so rather than seem to hang. */
const patience = 60;

/** Resolves with the exit code. */
export async function main(args: readonly string[], sources: Sources): Promise<number> {
  let createStage: () => Promise<Stage>;
  try {
    const options = readOptions(args);
    if (options.help) {
      process.stdout.write(usage);
      return 0;
    }
    createStage = stageOf(options.transport, sources);
  } catch (error) {
    if (!isTightbeamError(error)) throw error;
    process.stderr.write(`${error.code}: ${error.message}\nSee npm run demo -- --help.\n`);
    return 2;
  }
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    process.once(signal, () => {
      process.stderr.write("\nInterrupted; every process of the demo has been ended.\n");
      process.exit(code);
    });

  const started = performance.now();
  const screen = createScreen(process.stdout, process.env);
  const { paint, line } = screen;
  let stage: Stage | undefined;
  let late: NodeJS.Timeout | undefined;
  try {
    stage = await createStage();
    const tooLong = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`The demo did not end within ${patience} s.`)), patience * 1000);
    });
    const evidence = await Promise.race([tell(stage, screen), stage.failure, tooLong]);
    showTable(stage, screen, evidence);
    const found = faults(stage, evidence);
    line();
    for (const fault of found) line(paint.bad(`FAILED: ${fault}`));
    if (found.length === 0) line(paint.good(`Every reply arrived once. (${((performance.now() - started) / 1000).toFixed(1)} s)`));
    return found.length === 0 ? 0 : 1;
  } catch (error) {
    line();
    line(paint.bad(`FAILED: ${error instanceof Error ? error.message : String(error)}`));
    return 1;
  } finally {
    clearTimeout(late);
    await stage?.close();
  }
}

/** Throws `unavailable` when what it takes is not on this machine. */
function stageOf(transport: TransportName, sources: Sources): () => Promise<Stage> {
  if (transport === "memory") return () => memoryStage(sources);
  const medium = transport === "nats" ? broker(findBroker(sources)) : relay;
  return () => processStage(sources, medium);
}
