import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { describeSoak, soakStream } from "./stream-soak.js";

declare module "vitest" {
  interface TaskMeta {
    /** `npm test` prints it. */
    measured?: string;
  }
}

// `npm run soak:stream` is the same with 1,000,000 chunks and ten kills.
describe("a stream both ways, through a relay process that is killed twice", () => {
  it("loses nothing, doubles nothing, keeps its order, and leaves the heap as it was", async ({ task }) => {
    const place = mkdtempSync(join(tmpdir(), "tightbeam-soak-"));
    try {
      const script = join(place, "child.mjs");
      await build({
        entryPoints: [fileURLToPath(new URL("stream-child.ts", import.meta.url))],
        outfile: script,
        bundle: true,
        platform: "node",
        format: "esm",
        target: "node20",
        conditions: ["@tightbeam/source"],
        external: ["bufferutil", "utf-8-validate"],
        banner: { js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);' },
        logLevel: "silent",
      });
      const chunks = 50_000;
      const soaked = await soakStream({ script, chunks, kills: 2 });
      const whole = { chunks, missed: 0, again: 0 };
      expect([soaked.up, soaked.down, soaked.kills]).toEqual([whole, whole, 2]);
      expect(soaked.losses).toBeGreaterThanOrEqual(2);
      expect(soaked.growth).toBeLessThan(8);
      task.meta.measured = describeSoak(soaked);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  }, 120_000);
});
