/*
 * node --import tsx bench/starvation.ts [low messages]
 * How long high requests take while 100,000 low messages wait in their receiver's queue, beside what they take when nothing does, and
 * whether the low ones go on. Receiver and senders share one process and one hub: what is shown is the queue and the event loop, not a network.
 */
import { createAgent, createAuthority } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";

const count = Number(process.argv[2] ?? 100_000);
const rounds = 1_000;
/** What each call takes: a timer, as a query to a database would be. */
const workMs = 2;

const authority = await createAuthority();
const hub = createHub();
const join = async (id: string, limits = {}) =>
  createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), limits });
const busy = await join("busy", { running: 64, queued: 2 * count, queuedBytes: 2 ** 30, intakeCount: 2 * count, intakeBytes: 2 ** 30 });
const [many, urgent] = await Promise.all([join("many"), join("urgent")]);

let low = 0;
let open = (): void => undefined;
const gate = new Promise<void>((resolve) => (open = resolve));
busy.handle("work", async (_, { priority }) => {
  if (priority === "low") await gate;
  await new Promise((resolve) => setTimeout(resolve, workMs));
  if (priority === "low") low++;
});

async function measure(): Promise<{ readonly p50: number; readonly p99: number }> {
  const took: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const begun = performance.now();
    await urgent.request("busy", "work", i, { priority: "high" });
    took.push(performance.now() - begun);
  }
  took.sort((a, b) => a - b);
  return { p50: took[Math.floor(rounds / 2)] as number, p99: took[Math.floor(rounds * 0.99)] as number };
}

await measure();
const idle = await measure();
await Promise.all(Array.from({ length: count }, (_, i) => many.notify("busy", "work", { i, text: "x".repeat(100) }, { priority: "low", timeout: 600_000 })));
while (busy.status().calls.queued + busy.status().calls.running < count) await new Promise((resolve) => setTimeout(resolve, 1));
const queued = busy.status().calls.queued;
open();
const begun = performance.now();
const loaded = await measure();
const seconds = (performance.now() - begun) / 1_000;
const left = busy.status().calls.queued;
await Promise.all([busy, many, urgent].map((agent) => agent.close()));
hub.close();

const ratio = loaded.p99 / idle.p99;
const line = ({ p50, p99 }: typeof idle): string => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
console.log(`idle      ${line(idle)}`);
console.log(
  `${queued.toLocaleString("en")} low queued: ${line(loaded)} (p99 ${ratio.toFixed(1)} times idle; bar 10), ${left.toLocaleString("en")} still queued at the end`,
);
console.log(`low went on at ${Math.round(low / seconds).toLocaleString("en")} a second`);
process.exitCode = queued > count * 0.99 && left > 0 && ratio < 10 && low > 0 ? 0 : 1;
