import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { absent, covered } from "./coverage.js";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, root)), "utf8");

describe("the table of BAD-INPUTS", () => {
  it.each(covered)("$row: the tests it names are there", ({ in: places }) => {
    expect(places.length).toBeGreaterThan(0);
    expect(places.filter(([file, text]) => !read(file).includes(text))).toEqual([]);
  });

  it("names each row once, and every row of the list where the list is at hand", () => {
    const rows = [...covered.map(({ row }) => row), ...Object.keys(absent)];
    expect(new Set(rows).size).toBe(rows.length);
    const list = new URL("../shared/BAD-INPUTS.md", root);
    const lines = existsSync(list) ? readFileSync(list, "utf8").split("\n") : rows.map((row) => `- ${row}`);
    const due: string[] = [];
    for (const line of lines) {
      if (line.startsWith("- ")) due.push(line.slice(2));
    }
    expect(due.filter((line) => rows.filter((row) => line.startsWith(row)).length !== 1)).toEqual([]);
  });
});
