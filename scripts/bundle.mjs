import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

/** Packages with binaries of their own stay where they are installed. */
const inPlace = {
  name: "in-place",
  setup(bundle) {
    bundle.onResolve({ filter: /^lmdb$/ }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === "asked") return undefined;
      const found = await bundle.resolve(path, { resolveDir, kind, pluginData: "asked" });
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/** Bundles programs with the packages they use from their sources, so that each process starts in a fifth of the time. Gone when this process ends. */
export async function bundlePrograms(name, entryPoints) {
  const place = mkdtempSync(join(tmpdir(), `tightbeam-${name}-`));
  process.once("exit", () => rmSync(place, { recursive: true, force: true }));
  await build({
    entryPoints,
    outdir: place,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@tightbeam/source"],
    external: ["bufferutil", "utf-8-validate"],
    plugins: [inPlace],
    banner: { js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);' },
    logLevel: "error",
  });
  return (program) => join(place, `${program}.mjs`);
}
