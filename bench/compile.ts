import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/**
 * Measured processes run plain JavaScript: tsx would rewrite the built packages too, and its `keepNames` adds a call and 256 bytes
 * to every closure. Returns the folder of child.js, links.js and crowd.js.
 */
export async function compile(): Promise<string> {
  const outdir = `${here}dist`;
  const entryPoints = ["child", "links", "crowd"].map((name) => `${here}${name}.ts`);
  await build({ entryPoints, outdir, bundle: true, splitting: true, packages: "external", platform: "node", format: "esm", target: "node20" });
  return outdir;
}

/** Options of this process that its children share, such as --cpu-prof: all but the loader of TypeScript. */
export const sharedOptions = (): string[] => process.execArgv.filter((option, index, all) => !/tsx/.test(option) && !/tsx/.test(all[index + 1] ?? ""));
