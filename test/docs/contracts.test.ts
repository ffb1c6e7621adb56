import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../docs/contracts.md"), "utf8");
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the example of docs/contracts.md does what it says", async () => {
  const example = /```ts\n(\/\/ search\.ts\n[\s\S]*?)```\n/.exec(page)?.[1] ?? "";
  writeFileSync(join(folder, "search.ts"), example);
  const printed: unknown[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...words) => void printed.push(...words));
  try {
    await import(join(folder, "search.ts"));
  } finally {
    log.mockRestore();
  }
  expect(printed).toEqual([
    ["all about beams"],
    "more about beams",
    "3 pages",
    "unsupported_version",
    "'search.find' is served here in version 1, 2, not 3. Use one that is served.",
    [{ name: "search", versions: [1, 2] }],
    ["find", "watch", "indexed"],
    2,
  ]);
});
