import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../docs/presence.md"), "utf8");
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the example of docs/presence.md does what it says", async () => {
  const example = /```ts\n(\/\/ pool\.ts\n[\s\S]*?)```\n/.exec(page)?.[1] ?? "";
  writeFileSync(join(folder, "pool.ts"), example);
  const printed: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...words) => void printed.push(words.join(" ")));
  try {
    await import(join(folder, "pool.ts"));
  } finally {
    log.mockRestore();
  }
  expect(printed).toContain("up worker-1 summarizer");
  expect(printed).toContain("up worker-2 summarizer");
  expect(printed.filter((line) => /^Tightbeam, says worker-[12]$/.test(line))).toHaveLength(1);
  expect(printed.at(-1)).toBe("2");
});
