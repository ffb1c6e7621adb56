// `npm run soak:stream -- [chunks] [kills]`: one stream, both ways, through a relay process that is killed again and again. Fails unless everything came once and in order.
import { fileURLToPath, pathToFileURL } from "node:url";
import { readNumbers } from "./arguments.mjs";
import { bundlePrograms } from "./bundle.mjs";

const { chunks, kills } = readNumbers(
  "Usage: npm run soak:stream -- [chunks] [kills]\n\nOne stream of a million chunks, both ways, through a relay that is killed 10 times. Fails unless everything came once and in order.",
  { chunks: 1_000_000, kills: 10 },
);
const source = (name) => fileURLToPath(new URL(`../test/failover/${name}.ts`, import.meta.url));
const bundle = await bundlePrograms("soak-stream", { soak: source("stream-soak"), child: source("stream-child") });
const { describeSoak, soakStream } = await import(pathToFileURL(bundle("soak")).href);

const onKill = (number, came) => process.stdout.write(`kill ${number}, after ${came.toLocaleString("en")} chunks\n`);
const soaked = await soakStream({ script: bundle("child"), chunks, kills, onKill });
process.stdout.write(`${describeSoak(soaked)}\nheap on the way, MB: ${soaked.heap.map((mb) => mb.toFixed(1)).join(" ")}\n`);
const { up, down, growth } = soaked;
const right = [up, down].every((seen) => seen.chunks === chunks && seen.missed === 0 && seen.again === 0) && soaked.kills === kills && growth < 8;
process.exitCode = right ? 0 : 1;
