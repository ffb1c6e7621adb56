import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { types as envelopeTypes } from "../packages/core/src/envelope/layout.js";
import { errorCodes } from "../packages/core/src/errors.js";
import * as cellType from "../packages/core/src/frame/cell-type.js";
import * as frameTypes from "../packages/core/src/frame/frame-types.js";
import * as keptLimits from "../packages/core/src/kept-limits.js";
import * as limits from "../packages/core/src/limits.js";
import * as protocol from "../packages/core/src/protocol.js";
import { suiteOf } from "../packages/core/src/secure/suites.js";
import * as tlvType from "../packages/core/src/secure/tlv-type.js";
import { checkErrorCodes, checkLinks, checkNumbers, numberOf, tableRows } from "./docs/pages.js";
import { firstExample } from "./packing/example.js";
import { checkClaims } from "./repository/claims.js";
import type { SourceFile } from "./repository/source.js";

const root = fileURLToPath(new URL("..", import.meta.url));
function read(path: string): string | undefined {
  const full = join(root, path);
  if (!existsSync(full)) return undefined;
  return statSync(full).isDirectory() ? "" : readFileSync(full, "utf8");
}
const page = (path: string): SourceFile => ({ path, text: read(path) ?? "" });
const wire = page("docs/protocol.md");

describe("docs/protocol.md", () => {
  const byNumber = { name: 1, value: 0 };
  const byName = { name: 0, value: 1 };
  it("has the constants of protocol.ts, limits.ts and kept-limits.ts", () => {
    expect(checkNumbers(wire, "protocol", protocol, byName, true)).toEqual([]);
    expect(checkNumbers(wire, "limits", { ...limits, ...keptLimits }, byName, false)).toEqual([]);
  });
  it("has the numbers of frames, cells, TLVs and envelopes", () => {
    expect(checkNumbers(wire, "frame types", frameTypes, byNumber, true)).toEqual([]);
    expect(checkNumbers(wire, "cell types", cellType, byNumber, true)).toEqual([]);
    expect(checkNumbers(wire, "TLVs", tlvType, byNumber, true)).toEqual([]);
    expect(checkNumbers(wire, "envelope types", Object.fromEntries(envelopeTypes.map((name, i) => [name, i + 1])), byNumber, true)).toEqual([]);
  });
  it("has the suites", () => {
    const rows = tableRows(wire, "suites");
    expect(rows).toHaveLength(2);
    for (const [id = "", name, bytes] of rows) {
      const suite = suiteOf(numberOf(id));
      expect([suite?.protocol, `${suite?.message1Bytes} bytes`]).toEqual([name, bytes]);
    }
  });
});

describe("docs/errors.md", () => {
  it("has a row for every code, and no other", () => expect(checkErrorCodes(page("docs/errors.md"), errorCodes)).toEqual([]));
});

describe("docs/guarantees.md", () => {
  const folders = ["test", ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/test`)];
  const tests = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !/^(?:repository|docs)\b/.test(name))
      .map((name) => page(`${folder}/${name}`)),
  );
  const ids = /\bG-\d{2}\b/g;
  const guarantees = page("docs/guarantees.md");
  it("has no row without a test, and no test cites another", () => expect(checkClaims(guarantees, tests, ids)).toEqual([]));
  it("says each once", () => {
    const rows = [...guarantees.text.matchAll(/^\| (G-\d{2}) \|/gm)].map(([, id]) => id);
    expect(rows.length).toBeGreaterThan(25);
    expect(new Set(rows).size).toBe(rows.length);
    expect([...new Set(guarantees.text.match(ids))].sort((a, b) => a.localeCompare(b))).toEqual(rows);
  });
});

describe("README.md", () => {
  it("shows examples/quickstart.ts", () => {
    const example = firstExample(read("README.md") ?? "") ?? "no example";
    expect(read("examples/quickstart.ts")).toContain(example);
  });
});

describe("links", () => {
  const folders = ["docs", ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/docs`)].filter((folder) => read(folder) !== undefined);
  const fronts = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "examples/README.md",
    ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
  ];
  const pages = [...fronts, ...folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))].filter((path) =>
    path.endsWith(".md"),
  );
  it.each(pages)("of %s lead somewhere", (path) => expect(checkLinks(page(path), read)).toEqual([]));
});

describe("each check can fail", () => {
  const doc = (text: string): SourceFile => ({ path: "docs/a.md", text });
  const messages = (findings: readonly { readonly message: string }[]): string[] => findings.map(({ message }) => message);

  it("numbers", () => {
    expect(["16384", "0x0101", "2^48", "", "12 bytes", "1,024"].map(numberOf)).toEqual([16_384, 257, 2 ** 48, Number.NaN, Number.NaN, Number.NaN]);
    const table = doc("x\n<!-- table: t -->\n| name | value |\n|---|---|\n| `a` | 1 |\n| b | 2 |\n| a | 1 |\n| d | 4 |\n\n| z | 9 |\n");
    expect(messages(checkNumbers(table, "t", { a: 1, b: 3, c: 5 }, { name: 0, value: 1 }, true))).toEqual([
      'table "t": b is 2, in the code 3',
      'table "t": a stands there twice',
      'table "t": d is not in the code',
      'table "t": c is missing',
    ]);
    expect(() => tableRows(table, "u")).toThrow('no table "u"');
  });
  it("error codes", () => {
    const codes = { a: { retryable: true }, b: { retryable: false }, c: { retryable: false } };
    const rows = "| `a` | what | do | no | me |\n| `b` | what |  | no | me |\n| `b` | what | do | no | me |\n| `x` | what | do | no | me |\n";
    expect(messages(checkErrorCodes(doc(rows), codes))).toEqual([
      "c has no row",
      "b has two rows",
      "a: retryable is not as in the code",
      "b has an empty cell",
      "x is no code",
    ]);
  });
  it("links", () => {
    const there: Readonly<Record<string, string>> = { "docs/b.md": "# A `b`: c\n", "README.md": "", packages: "" };
    const text = "# Top\n[1](b.md) [2](../README.md#x) [3](b.md#a-b-c) [4](#top) [5](#nope) [6](c.md) [7](https://a.example/x) [8](../packages/) `[9](d.md)`\n";
    expect(messages(checkLinks(doc(text), (path) => there[path]))).toEqual([
      "links to ../README.md#x, which has no such heading",
      "links to #nope, which has no such heading",
      "links to c.md, which is not there",
    ]);
  });
});
