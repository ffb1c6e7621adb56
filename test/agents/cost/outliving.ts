import { Session } from "node:inspector/promises";
import { createAgent, method } from "@tightbeam/core";
import { generateSecret, identityFromSecret, trust } from "@tightbeam/core/identity";
import { breaker, policy, retry, timeout } from "@tightbeam/core/resilience";
import { connectMemory, createHub } from "@tightbeam/memory";

/**
 * Prints how many bytes of each operation outlive the engine's cheap collections, although the operation is long over. For `node --expose-gc` with a
 * small young generation, which is collected every few hundred operations.
 */
const inFlight = 64;
const operations = 6_000;

const gc = (globalThis as { gc?: (options: { type: "minor" }) => void }).gc;
if (gc === undefined) throw new Error("Start it with --expose-gc.");

const secret = generateSecret();
const hub = createHub();
const agent = async (id: string) =>
  createAgent({ identity: await identityFromSecret({ id, secret }), trust: trust.everyoneWithSecret(secret), transport: await connectMemory(hub) });
const server = await agent("server");
const client = await agent("client");
const echo = method("echo");
const later = method("later");
server.handle(echo, (input) => input);
server.handle(later, async (input) => input);
const input = { text: "x".repeat(200) };
const { signal } = new AbortController();
const guarded = { policy: policy(retry(), breaker(), timeout(10_000)) };

const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
  request: () => client.request("server", echo, input),
  "a handler that returns a promise": () => client.request("server", later, input),
  "a signal": () => client.request("server", echo, input, { signal }),
  "a policy": () => client.request("server", echo, input, guarded),
  "confirm: received": () => client.notify("server", echo, input, { confirm: "received" }),
  "confirm: done": () => client.notify("server", echo, input, { confirm: "done" }),
};

async function run(operation: () => Promise<unknown>, times: number): Promise<void> {
  let left = times;
  const worker = async (): Promise<void> => {
    for (; left > 0; left--) await operation();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

interface Node {
  readonly selfSize: number;
  readonly children: readonly Node[];
}
const bytesOf = ({ selfSize, children }: Node): number => children.reduce((sum, child) => sum + bytesOf(child), selfSize);

const session = new Session();
session.connect();
const result: Record<string, number> = {};
for (const [name, operation] of Object.entries(kinds)) {
  await run(operation, operations);
  const options = { samplingInterval: 4_096, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: false };
  await session.post("HeapProfiler.startSampling", options);
  await run(operation, operations);
  // Twice, for what was made last.
  for (let times = 0; times < 2; times++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc({ type: "minor" });
  }
  const { profile } = await session.post("HeapProfiler.stopSampling");
  result[name] = Math.round(bytesOf(profile.head) / operations);
}
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit();
