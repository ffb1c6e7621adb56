// `npm run replicas`: bundles examples/replicas and the packages it uses from their sources, so that each of its processes starts at once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ensureNatsServer } from "./nats-server.mjs";

const place = mkdtempSync(join(tmpdir(), "tightbeam-replicas-"));
process.once("exit", () => rmSync(place, { recursive: true, force: true }));

const entry = { main: "replicas/main", worker: "replicas/worker", broker: "demo/broker" };
const source = (path) => fileURLToPath(new URL(`../examples/${path}.ts`, import.meta.url));
const bundle = (name) => join(place, `${name}.mjs`);
await build({
  entryPoints: Object.fromEntries(Object.entries(entry).map(([name, path]) => [name, source(path)])),
  outdir: place,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  conditions: ["@tightbeam/source"],
  external: ["bufferutil", "utf-8-validate"],
  banner: { js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);' },
  logLevel: "error",
});

const { main } = await import(pathToFileURL(bundle("main")).href);
process.exit(await main(process.argv.slice(2), { worker: bundle("worker"), broker: bundle("broker"), natsServer: ensureNatsServer }));
