import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../docs/durable.md"), "utf8");
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the example of docs/durable.md does what it says", async () => {
  const example = /```ts\n(\/\/ index-pages\.ts\n[\s\S]*?)```\n/.exec(page)?.[1] ?? "";
  writeFileSync(
    join(folder, "index-pages.ts"),
    example.replace(/\.\/\$\{id\}-state/, () => `${folder}/\${id}-state`),
  );
  const printed: unknown[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...words) => void printed.push(words));
  try {
    await import(join(folder, "index-pages.ts"));
  } finally {
    log.mockRestore();
  }
  expect(printed).toEqual([["indexed", { page: 7 }, { durable: true, attempt: 1 }]]);
});
