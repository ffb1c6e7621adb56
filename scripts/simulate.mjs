// `npm run simulate -- --seeds 100000`, or `--seed 17 --faults 0,3` to see one again: simulated agents on simulated networks, disks and clocks.
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundlePrograms } from "./bundle.mjs";

const source = (name) => fileURLToPath(new URL(`../test/simulation/${name}.ts`, import.meta.url));
const bundle = await bundlePrograms("simulate", { main: source("main"), worker: source("worker") });
const { main } = await import(pathToFileURL(bundle("main")).href);
process.exitCode = await main(process.argv.slice(2), {
  worker: bundle("worker"),
  print: (text) => process.stdout.write(text),
  progress: (text) => process.stderr.write(text),
});
