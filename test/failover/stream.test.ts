import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bundlePrograms } from "../../scripts/bundle.mjs";
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
    const bundle = await bundlePrograms("soak", { child: fileURLToPath(new URL("stream-child.ts", import.meta.url)) });
    const script = bundle("child");
    const chunks = 50_000;
    const soaked = await soakStream({ script, chunks, kills: 2 });
    const whole = { chunks, missed: 0, again: 0 };
    expect([soaked.up, soaked.down, soaked.kills]).toEqual([whole, whole, 2]);
    expect(soaked.losses).toBeGreaterThanOrEqual(2);
    expect(soaked.growth).toBeLessThan(8);
    task.meta.measured = describeSoak(soaked);
  }, 120_000);
});
