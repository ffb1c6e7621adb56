import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { fromSource } from "./cost/variants.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A third of a request's CPU went into collections that carried along what earlier requests had left: maps' old tables and lists' old members, each
 * pointing to the next. It was 800 to 1,700 bytes for each of these.
 */
test("of an operation that is over, hardly a byte outlives the engine's cheap collections", { timeout: 60_000 }, async () => {
  const outfile = join(root, ".tmp", "cost", "outliving.mjs");
  await build(fromSource("outliving", outfile));
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--max-semi-space-size=2", outfile]);
  const bytes = JSON.parse(stdout) as Record<string, number>;
  expect(Object.keys(bytes)).toHaveLength(6);
  for (const [name, each] of Object.entries(bytes)) expect(each, name).toBeLessThan(150);
});
