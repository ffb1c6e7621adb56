/*
 * The figures of docs/scaling.md, of the built packages: node --import tsx bench/scaling.ts [ms of each load] [idle] [agents ...]
 * What a request costs each process that takes part, how many bytes go over the network for it, and what a crowd of agents costs a nats-server.
 */
import { fileURLToPath } from "node:url";
import type { CrowdFigures } from "./crowd.js";
import { lastLine } from "./footprint.js";
import { measureFrames } from "./frames.js";
import { median, startSystems, warmUp } from "./measure.js";
import { type Run, stopAll } from "./processes.js";
import type { Load } from "./sides/side.js";

const [ms = "1000", ...more] = process.argv.slice(2);
const counts = more.filter((word) => word !== "idle");
const idleMs = more.includes("idle") ? 150_000 : 0;
const rounds = 3;
const systems = await startSystems(new Set(["nats", "relayed", "rawNats"]));
await warmUp(systems);
const loads: readonly (readonly [string, Omit<Load, "ms">])[] = [
  ["request and reply, 256 B, one at a time", { kind: "echo", bytes: 256, inFlight: 1 }],
  ["request and reply, 256 B, 64 in flight", { kind: "echo", bytes: 256, inFlight: 64 }],
  ["request and reply, 16 KiB, one at a time", { kind: "echo", bytes: 16_384, inFlight: 1 }],
  ["one way, 256 B", { kind: "oneWay", bytes: 256, inFlight: 1 }],
];
console.log("µs of CPU for each operation                         asker   answerer    carrier   per second");
for (const [name, load] of loads) {
  for (const [system, carrier] of [
    ["nats", "nats-server"],
    ["relayed", "relay"],
    ["rawNats", "nats-server, without agents"],
  ] as const) {
    const runs: Run[] = [];
    for (let round = 0; round < rounds; round++) {
      const run = await systems[system]?.run({ ...load, ms: Number(ms) });
      if (run !== undefined) runs.push(run);
    }
    const [asker = 0, middle = 0, answerer = 0] = [0, 1, 2].map((index) => median(runs.map(({ costs }) => costs[index] ?? 0)));
    const columns = [asker, answerer, middle].map((cost) => cost.toFixed(1).padStart(11)).join("");
    console.log(
      `${name.padEnd(42)} ${carrier.padEnd(28)}${columns} ${Math.round(median(runs.map(({ rate }) => rate)))
        .toLocaleString("en")
        .padStart(12)}`,
    );
  }
}
stopAll();
for (const { what, frames, bytes } of await measureFrames(idleMs))
  console.log(`${what.padEnd(42)} ${frames.toFixed(3)} frames, ${bytes.toFixed(0)} bytes in them`);

const here = fileURLToPath(new URL(".", import.meta.url));
for (const count of counts.length > 0 ? counts : ["100", "1000"]) {
  const figures = JSON.parse(await lastLine([`${here}dist/crowd.js`, count])) as CrowdFigures;
  console.log(figures);
}
