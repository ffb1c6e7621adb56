// Four processes behind one agent id: starts them, tells the story, judges it, and leaves nothing behind.
import { type Agent, createAgent, isTightbeamError, trust } from "@tightbeam/core";
import { generateSecret, identityFromSecret } from "@tightbeam/core/identity";
import { connectNats } from "@tightbeam/nats";
import { connectWebSocket } from "@tightbeam/websocket";
import { createChildren } from "../demo/children.js";
import { createScreen } from "../demo/screen.js";
import { type Carrier, type Sources, startCarrier } from "./carrier.js";
import { goneAfter } from "./contract.js";
import { readOptions, type TransportName, usage } from "./options.js";
import { tell } from "./story.js";
import { createWorkers } from "./workers.js";

const replicas = 4;
/** s. A machine this slow should say so rather than seem to hang. */
const patience = 60;

/** Resolves with the exit code. */
export async function main(args: readonly string[], sources: Sources): Promise<number> {
  let name: TransportName;
  try {
    const options = readOptions(args);
    if (options.help) {
      process.stdout.write(usage);
      return 0;
    }
    name = options.transport;
  } catch (error) {
    return refuse(error);
  }
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    process.once(signal, () => {
      process.stderr.write("\nInterrupted; every process of the example has been ended.\n");
      process.exit(code);
    });

  const secret = generateSecret();
  const children = createChildren();
  let carrier: Carrier;
  try {
    carrier = await startCarrier(name, secret, children, sources);
  } catch (error) {
    return refuse(error);
  }

  const screen = createScreen(process.stdout, process.env);
  const { heading, line, paint } = screen;
  const started = performance.now();
  const workers = createWorkers(children, sources.worker, { url: carrier.url, secret });
  let caller: Agent | undefined;
  let late: NodeJS.Timeout | undefined;
  try {
    const identity = await identityFromSecret({ id: "caller", secret });
    const transport = name === "nats" ? await connectNats({ servers: carrier.url }) : await connectWebSocket(carrier.url, { identity });
    caller = await createAgent({ identity, trust: trust.everyoneWithSecret(secret), transport, goneAfter });
    await Promise.race([Promise.all(Array.from({ length: replicas }, () => workers.start())), children.failure]);
    line(paint.strong("Tightbeam: one agent, many processes"));
    heading("The cast");
    line(`  ${carrier.name.padEnd(12)} ${carrier.url}`);
    line(`  ${"worker".padEnd(12)} pids ${workers.all.map(({ pid }) => pid).join(", ")}: one agent id, one group`);
    line(`  ${"caller".padEnd(12)} pid ${process.pid}`);
    const tooLong = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`The example did not end within ${patience} s.`)), patience * 1_000);
    });
    const { faults } = await Promise.race([tell(caller, workers, screen), children.failure, tooLong]);
    line();
    for (const fault of faults) line(paint.bad(`FAILED: ${fault}`));
    const took = `(${((performance.now() - started) / 1_000).toFixed(1)} s)`;
    if (faults.length === 0) line(paint.good(`Every request settled once, and none that may run once ran twice. ${took}`));
    return faults.length === 0 ? 0 : 1;
  } catch (error) {
    line();
    line(paint.bad(`FAILED: ${error instanceof Error ? error.message : String(error)}`));
    return 1;
  } finally {
    clearTimeout(late);
    await caller?.close();
    await Promise.all(workers.all.map(({ process: child }) => child.kill()));
    await carrier.close();
  }
}

/** The exit code of what is wrong before anything begins. */
function refuse(error: unknown): number {
  if (!isTightbeamError(error)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\nSee npm run replicas -- --help.\n`);
  return 2;
}
