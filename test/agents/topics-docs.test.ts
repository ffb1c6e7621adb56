import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { topicPattern } from "../../packages/core/src/patterns/topics/pattern.js";
import { tableRows } from "../docs/pages.js";
import { firstExample, promisedOutput } from "../packing/example.js";

const page = readFileSync(join(import.meta.dirname, "../../docs/topics.md"), "utf8");
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the example of docs/topics.md prints what it says", async () => {
  const example = firstExample(page) ?? "";
  writeFileSync(join(folder, "topics.ts"), example);
  const printed: unknown[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((text: unknown) => void printed.push(text));
  await import(join(folder, "topics.ts"));
  log.mockRestore();
  expect(printed).toEqual(promisedOutput(example));
  expect(printed).toHaveLength(1);
});

test("its table of patterns is right", () => {
  const rows = tableRows({ path: "docs/topics.md", text: page }, "patterns");
  const words = (cell: string | undefined): string[] => (cell ?? "").split(", ").filter((each) => each !== "" && each !== "everything");
  for (const [pattern = "", is, isNot] of rows) {
    for (const topic of words(is)) expect(topicPattern(pattern).matches(topic), `${pattern} ${topic}`).toBe(true);
    for (const topic of words(isNot)) expect(topicPattern(pattern).matches(topic), `${pattern} ${topic}`).toBe(false);
  }
  expect(rows).toHaveLength(4);
});
