// `npm run soak:kills -- [kills] [seed]`: two agents with stores on disk, one of which is killed at a random instant, again and again. Fails when something is lost, or done again.
import { fileURLToPath, pathToFileURL } from "node:url";
import { readNumbers } from "./arguments.mjs";
import { bundlePrograms } from "./bundle.mjs";

const { kills, seed } = readNumbers(
  "Usage: npm run soak:kills -- [kills] [seed]\n\nKills one of two agents with stores on disk again and again (300 times). Fails when something is lost, or done again.",
  { kills: 300, seed: 1 + (Date.now() % 1_000_000) },
);
const source = (name) => fileURLToPath(new URL(`../test/kills/${name}.ts`, import.meta.url));
const bundle = await bundlePrograms("soak-kills", { soak: source("kills"), child: source("child") });
const { describeKills, killAgents } = await import(pathToFileURL(bundle("soak")).href);

process.stdout.write(`seed ${seed}\n`);
const onKill = (number, role, ms) => number % 25 === 0 && process.stdout.write(`kill ${number}: the ${role}, after ${ms.toFixed(0)} ms\n`);
const killed = await killAgents({ script: bundle("child"), kills, seed, onKill });
process.stdout.write(`${describeKills(killed)}\n`);
process.exitCode = killed.wrongs.length === 0 ? 0 : 1;
