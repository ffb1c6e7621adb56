import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../docs/via.md"), "utf8");
const example =
  page
    .split("```ts\n")
    .find((block) => block.startsWith("// through.ts\n"))
    ?.split("```")[0] ?? "";
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
writeFileSync(join(folder, "through.ts"), example);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the example of docs/via.md runs", async () => {
  const { answer, counters } = (await import(join(folder, "through.ts"))) as { answer: unknown; counters: { delivered: number; nowhere: number } };
  expect(answer).toBe("Hello, Bob.");
  expect(counters.delivered).toBeGreaterThan(3);
});
