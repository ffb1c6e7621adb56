import { describe, expect, it } from "vitest";
import { checkClaims } from "./claims.js";
import {
  checkCycles,
  checkLayers,
  checkOnlyImporters,
  checkPatternsApartFromSecure,
  checkResolvable,
  checkStorePackages,
  checkTransportPackages,
} from "./layers.js";
import { checkExports, checkReferences, checkVersions, commandSources, type Manifest } from "./packages.js";
import { checkConsole, checkLeftovers, checkLength, checkNoNode, checkTimeAndRandomness } from "./purity.js";
import { type Finding, importsOf, type SourceFile, stripComments } from "./source.js";

const CORE = "packages/core/src";
const file = (path: string, text: string): SourceFile => ({ path, text });
const messages = (findings: readonly Finding[]): string[] => findings.map(({ path, message }) => `${path}: ${message}`);

describe("reading sources", () => {
  it("blanks comments, keeps strings, lines and code in templates", () => {
    const text = 'const a = "// no"; // Date.now()\n/* x\n y */ const b = `t // ${f({ k: 1 }, \'/*\')} */`; const c = 4 / 2; // z\nconst d = /[/*]"/g;';
    const code = stripComments(text);
    expect(code).toContain('"// no"');
    expect(code).toContain("${f({ k: 1 }, '/*')} */`; const c = 4 / 2;");
    expect(code).toContain('const d = /[/*]"/g;');
    expect(code).not.toMatch(/Date|x|y|z/);
    expect(code.split("\n")).toHaveLength(4);
  });

  it("blanks the contents of strings when asked", () => {
    const code = stripComments('f("Date.now()", `Math.random() ${Date.now()}`)', { strings: true });
    expect(code).not.toContain("Math.random");
    expect(code.match(/Date\.now/g)).toHaveLength(1);
  });

  it("finds every kind of import and no other", () => {
    const text = `import a from "a"; import type { B } from "./b.js";\nimport {\n  c,\n} from "c";\nexport * from "./d.js";\nexport { e } from "./e.js";\nimport "f";\nconst g = await import("g");\n// import h from "h";\nconst text = 'import i from "i"';\nexport const from = "j";`;
    expect(importsOf(file("x.ts", text)).sort()).toEqual(["./b.js", "./d.js", "./e.js", "a", "c", "f", "g"]);
  });
});

describe("every rule can fail", () => {
  it("upward imports, unknown layers and imports that leave the package", () => {
    const files = [
      file(`${CORE}/frame/cell.ts`, 'import type { Link } from "../link/link.js"; import { E } from "../errors.js";'),
      file(`${CORE}/utils/misc.ts`, ""),
      file(`${CORE}/errors.ts`, 'import { x } from "../../memory/src/hub.js";'),
      file(`${CORE}/link/link.ts`, 'import { s } from "../secure/session.js"; import { p } from "./pace.js";'),
      file(`${CORE}/runtime/runtime.ts`, 'import "../agent.js";'),
    ];
    expect(messages(checkLayers(files))).toEqual([
      `${CORE}/frame/cell.ts: frame imports link ("../link/link.js"), which stands above it`,
      `${CORE}/utils/misc.ts: "utils" has no place in the table of layers`,
      `${CORE}/errors.ts: "../../memory/src/hub.js" leaves the package's sources`,
      `${CORE}/runtime/runtime.ts: runtime imports agent ("../agent.js"), which stands above it`,
    ]);
  });

  it("patterns meeting secure", () => {
    const both = 'import { r } from "../patterns/request.js"; import { s } from "../secure/session.js";';
    const files = [
      file(`${CORE}/patterns/request.ts`, 'import { s } from "../secure/session.js";'),
      file(`${CORE}/contract/method.ts`, both),
      file(`${CORE}/link/link.ts`, both),
      file(`${CORE}/agent.ts`, both.replaceAll("../", "./")),
    ];
    expect(checkPatternsApartFromSecure(files).map(({ path }) => path)).toEqual([`${CORE}/patterns/request.ts`, `${CORE}/contract/method.ts`]);
  });

  it("a transport package that reaches past its entries", () => {
    const text = 'import { a } from "@tightbeam/core"; import { b } from "@tightbeam/core/transport"; import { c } from "@tightbeam/memory";';
    const found = checkTransportPackages([file("packages/websocket/src/client.ts", text), file("packages/conformance/src/suite.ts", text)]);
    expect(found).toHaveLength(2);
    expect(messages(found)[0]).toContain('not "@tightbeam/core"');
  });

  it("a store package that imports more of core than a store needs", () => {
    const text = 'import { createAgent } from "@tightbeam/core"; import { checkChanges } from "@tightbeam/core/store";';
    expect(checkStorePackages([file("packages/store-lmdb/src/store.ts", text), file("packages/memory/src/hub.ts", text)])).toHaveLength(1);
  });

  it("a library imported outside its folder, by name, subpath or dynamically", () => {
    const files = [
      file(`${CORE}/link/link.ts`, 'import { jwtVerify } from "jose"; const n = await import("@noble/hashes/sha2.js");'),
      file(`${CORE}/identity/token.ts`, 'import { jwtVerify } from "jose/jwt/verify";'),
    ];
    expect(checkOnlyImporters(files, /^jose(?:\/|$)/, [`${CORE}/identity/`])).toHaveLength(1);
    expect(checkOnlyImporters(files, /^jose(?:\/|$)/, [`${CORE}/link/`])).toHaveLength(1);
    expect(checkOnlyImporters(files, /^@noble\//, [`${CORE}/crypto/`])).toHaveLength(1);
  });

  it("import cycles, also of types and through folders", () => {
    const files = [
      file(`${CORE}/link/a.ts`, 'import { b } from "./b.js";'),
      file(`${CORE}/link/b.ts`, 'import type { C } from "../noise/c.js";'),
      file(`${CORE}/noise/c.ts`, 'export { a } from "../link/a.js";'),
      file(`${CORE}/noise/d.ts`, 'import { c } from "./c.js";'),
    ];
    expect(messages(checkCycles(files))).toEqual([
      `${CORE}/link/a.ts: import cycle: ${CORE}/link/a.ts -> ${CORE}/link/b.ts -> ${CORE}/noise/c.ts -> ${CORE}/link/a.ts`,
    ]);
    expect(checkCycles(files.slice(0, 2))).toEqual([]);
  });

  it("relative imports of nothing or without an extension", () => {
    const files = [file(`${CORE}/a.ts`, 'import "./b"; import "./c.js"; import "./d.js";'), file(`${CORE}/d.ts`, "")];
    expect(checkResolvable(files)).toHaveLength(2);
  });

  it.each([
    "Date.now()",
    "new Date()",
    "Date()",
    "performance.now()",
    "process.hrtime.bigint()",
    "Math.random()",
    "crypto.getRandomValues(b)",
    "crypto.randomUUID()",
    "randomBytes(8)",
    "setTimeout(f, 1)",
    "globalThis.setTimeout(f, 1)",
    "setInterval(f, 1)",
    "setImmediate(f)",
    "clearTimeout(t)",
    "const later = globalThis.setTimeout;",
    "AbortSignal.timeout(5)",
  ])("time or randomness outside runtime: %s", (code) => {
    expect(checkTimeAndRandomness([file(`${CORE}/link/link.ts`, `\n${code}`)]).map(({ path }) => path)).toContain(`${CORE}/link/link.ts:2`);
    expect(checkTimeAndRandomness([file(`${CORE}/runtime/system.ts`, code)])).toEqual([]);
  });

  it.each(["runtime.clock.now()", "timers.setTimeout(f, 1)", "new Date(0)", "// Date.now()", '"Math.random()"', "const setTimeoutMs = 3"])(
    "no complaint about %s",
    (code) => {
      expect(checkTimeAndRandomness([file(`${CORE}/link/link.ts`, code)])).toEqual([]);
    },
  );

  it("console output outside commands", () => {
    const files = [file("packages/a/src/x.ts", "console.log(1); process.stdout.write('x'); process?.stderr;"), file("packages/a/src/bin.ts", "console.log(1)")];
    expect(checkConsole(files, ["packages/a/src/bin.ts"])).toHaveLength(1);
    expect(checkConsole(files, [])).toHaveLength(2);
  });

  it("Node in core", () => {
    const files = [
      file(
        `${CORE}/a.ts`,
        'import { x } from "node:crypto";\nimport y from "fs/promises";\nconst b = Buffer.from("x"); const ok = globalThis.process?.getBuiltinModule?.("node:crypto");',
      ),
    ];
    expect(checkNoNode(files)).toHaveLength(3);
  });

  it("long files and leftovers", () => {
    expect(checkLength([file("a.ts", "x\n".repeat(250)), file("b.ts", "x\n".repeat(249))]).map(({ path }) => path)).toEqual(["a.ts"]);
    expect(checkLeftovers([file("a.ts", "\n// TODO later"), file("b.ts", "// @ts-ignore"), file("c.ts", "toDo()")])).toHaveLength(2);
  });

  const good: Manifest = {
    name: "@tightbeam/a",
    version: "1.0.0",
    type: "module",
    license: "Apache-2.0",
    engines: { node: ">=20.19" },
    exports: { ".": { "@tightbeam/source": "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
  };

  it("exports that name the wrong build, the wrong order or no file", () => {
    const check = (manifest: Manifest, exists: (path: string) => boolean = () => true): Finding[] =>
      checkExports({ folder: "packages/a", manifest }, exists, true);
    const entry = (target: Record<string, string>): Manifest => ({ ...good, exports: { ".": target } });
    expect(check(good)).toEqual([]);
    expect(check(good, (path) => !path.endsWith("dist/index.d.ts"))).toHaveLength(1);
    expect(checkExports({ folder: "packages/a", manifest: good }, (path) => !path.includes("/dist/"), false)).toEqual([]);
    expect(checkExports({ folder: "packages/a", manifest: good }, (path) => !path.includes("/src/"), false)).toHaveLength(1);
    expect(check(entry({ "@tightbeam/source": "./src/index.ts", types: "./dist/other.d.ts", default: "./dist/index.js" }))).toHaveLength(1);
    expect(check(entry({ "@tightbeam/source": "./src/index.ts", default: "./dist/index.js", types: "./dist/index.d.ts" }))).toHaveLength(1);
    const forNode = { "@tightbeam/source": "./src/index.ts", types: "./dist/index.d.ts", node: "./dist/node/index.js", default: "./dist/index.js" };
    expect(check(entry(forNode))).toEqual([]);
    expect(check(entry(forNode), (path) => !path.includes("/dist/node/"))).toHaveLength(1);
    expect(check(entry({ ...forNode, node: "./dist/index.js" }))).toHaveLength(1);
    expect(check({ ...good, exports: { ...good.exports, "./node": forNode } })).toEqual([
      { path: "packages/a/package.json", message: "exports: every entry has `node`, or none" },
    ]);
    expect(commandSources({ folder: "packages/a", manifest: { ...good, bin: { a: "./dist/cli.js" } } })).toEqual(["packages/a/src/cli.ts"]);
    const script = { ...good, bin: { a: "./bin/a.js" } };
    expect(commandSources({ folder: "packages/a", manifest: script }, ["packages/a/src/x/bin.ts", "packages/b/src/bin.ts"])).toContain(
      "packages/a/src/x/bin.ts",
    );
    expect(commandSources({ folder: "packages/a", manifest: good }, ["packages/a/src/x/bin.ts"])).toEqual([]);
  });

  it("versions and manifests that disagree", () => {
    const check = (second: Partial<Manifest>): Finding[] =>
      checkVersions([
        { folder: "packages/a", manifest: { ...good, dependencies: { zod: "^4.0.0" } } },
        { folder: "packages/b", manifest: { ...good, name: "@tightbeam/b", ...second } },
      ]);
    expect(check({ dependencies: { "@tightbeam/a": "1.0.0", zod: "^4.0.0" } })).toEqual([]);
    expect(check({ version: "1.0.1" })).toHaveLength(1);
    expect(check({ dependencies: { "@tightbeam/a": "^1.0.0" } })).toHaveLength(1);
    expect(check({ dependencies: { zod: "^4.1.0" } })).toHaveLength(1);
    expect(check({ type: "commonjs", license: "MIT", engines: { node: ">=18" }, exports: {} })).toHaveLength(4);
    expect(checkReferences([{ folder: "packages/a", manifest: good }], ["packages/b"])).toHaveLength(1);
  });

  it("claims without a test and tests without a claim", () => {
    const tests = [file("a.test.ts", "// TM-01, TM-03")];
    expect(messages(checkClaims(file("docs/threat-model.md", "TM-01 TM-02"), tests))).toEqual([
      "docs/threat-model.md: TM-02 is shown by no test",
      "a.test.ts: cites TM-03, which docs/threat-model.md does not make",
    ]);
  });
});
