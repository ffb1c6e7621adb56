import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Third-party vectors from TIGHTBEAM_VECTORS or ../shared/vectors beside the checkout; undefined where neither has the file, which CI does not accept. */
export function vectors<T>(name: string): T | undefined {
  const folders = [process.env.TIGHTBEAM_VECTORS, fileURLToPath(new URL("../../../../../shared/vectors", import.meta.url))];
  for (const folder of folders) if (folder && existsSync(`${folder}/${name}`)) return JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as T;
  if (process.env.CI === "true") throw new Error(`test vectors ${name} are missing: set TIGHTBEAM_VECTORS`);
  return undefined;
}
