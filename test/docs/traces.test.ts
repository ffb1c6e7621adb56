import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../docs/traces.md"), "utf8");
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the example of docs/traces.md does what it says", async () => {
  const example = /```ts\n(\/\/ traces\.ts\n[\s\S]*?)```\n/.exec(page)?.[1] ?? "";
  writeFileSync(join(folder, "traces.ts"), example);
  const printed: unknown[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...words) => void printed.push(...words));
  try {
    await import(join(folder, "traces.ts"));
  } finally {
    log.mockRestore();
  }
  expect(printed).toEqual(["carol", "bob", "research", "completed", "bob", "alice", "summarize", "completed", 2]);
});
