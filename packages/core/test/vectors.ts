import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";

/**
 * Third-party vectors stay out of the repository. They are read from the folder that TIGHTBEAM_VECTORS names, or from
 * `../shared/vectors` beside the checkout.
 */
export function vectorsFolder(): string | undefined {
  const named = process.env.TIGHTBEAM_VECTORS;
  const folders = named === undefined || named === "" ? [fileURLToPath(new URL("../../../../shared/vectors", import.meta.url))] : [named];
  return folders.find((folder) => existsSync(folder));
}

/**
 * A suite over one file of vectors, for example `noise/noise-filtered.json`. Where the file is missing the suite is reported as
 * skipped, saying what to do; with CI=true that is a failure.
 */
export function describeVectors<T>(name: string, file: string, suite: (vectors: T) => void): void {
  const folder = vectorsFolder();
  const path = folder === undefined ? undefined : join(folder, file);
  if (path !== undefined && existsSync(path)) {
    describe(name, () => suite(JSON.parse(readFileSync(path, "utf8")) as T));
    return;
  }
  describe(name, () => {
    it(`needs the test vectors ${file}`, (context) => {
      const message = `SKIPPED ${name}: ${file} not found; set TIGHTBEAM_VECTORS to the folder with the vectors`;
      if (process.env.CI === "true") throw new Error(message);
      console.warn(message);
      context.skip(message);
    });
  });
}
