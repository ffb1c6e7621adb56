import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";

const entry = fileURLToPath(new URL("page.ts", import.meta.url));

/** What a page's bundler makes of the packages: esbuild's `browser` platform resolves the conditions `browser`, `module`, `import`, `default`. */
export async function bundlePage(): Promise<{ script: string; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    outdir: "page",
    platform: "browser",
    format: "esm",
    target: "es2023",
    // The sources stand where the build would: the source condition comes inside each of the others (packages/*/package.json).
    conditions: ["@tightbeam/source", "module"],
    // A built-in of Node fails the build: nothing is left outside.
    external: [],
    logLevel: "silent",
  });
  const script = outputFiles[0]?.text;
  if (script === undefined) throw new Error("esbuild wrote nothing.");
  return { script, metafile };
}
