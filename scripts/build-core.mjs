// Core as Node loads it: the modules of packages/core/src in a few files, dist/node, which the `node` condition of its exports names. Node takes 0.3 ms
// of CPU for every file of ESM, and core has 500: whoever imports it pays a third of what the same modules cost one by one. Bundlers for browsers take
// the modules themselves. What core depends on stays where it is installed; what is loaded on first use still is.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const core = fileURLToPath(new URL("../packages/core", import.meta.url));

/** Writes `dist/node` anew, from the sources. All entries come of one build: what they share, classes above all, is there once. Rejects with what esbuild says. */
export async function buildCore(target = join(core, "dist", "node")) {
  const { exports } = JSON.parse(readFileSync(join(core, "package.json"), "utf8"));
  const { outputFiles } = await build({
    entryPoints: Object.values(exports).flatMap((entry) => entry["@tightbeam/source"] ?? []),
    absWorkingDir: core,
    outbase: "src",
    outdir: target,
    chunkNames: "parts/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    packages: "external",
    sourcemap: true,
    // The package holds its sources.
    sourcesContent: false,
    legalComments: "none",
    write: false,
    logLevel: "silent",
  });
  const made = `${target}.${process.pid}`;
  for (const { path, contents } of outputFiles) {
    const file = join(made, relative(target, path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents);
  }
  rmSync(target, { recursive: true, force: true });
  renameSync(made, target);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await buildCore();
