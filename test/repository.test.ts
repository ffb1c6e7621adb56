import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkClaims } from "./repository/claims.js";
import {
  checkCycles,
  checkLayers,
  checkOnlyImporters,
  checkPatternsApartFromSecure,
  checkResolvable,
  checkStorePackages,
  checkTransportPackages,
} from "./repository/layers.js";
import { checkExports, checkReferences, checkVersions, commandSources, type Manifest, type Package } from "./repository/packages.js";
import { checkConsole, checkLeftovers, checkLength, checkNoNode, checkTimeAndRandomness } from "./repository/purity.js";
import type { SourceFile } from "./repository/source.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const exists = (path: string): boolean => existsSync(join(root, path));

function filesUnder(folder: string, endings: readonly string[]): SourceFile[] {
  if (!exists(folder)) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((path) => !/\/(?:node_modules|dist)\//.test(path) && endings.some((ending) => path.endsWith(ending)))
    .sort()
    .map((path) => ({ path, text: read(path) }));
}

const packageFolders = readdirSync(join(root, "packages")).map((name) => `packages/${name}`);
const packages: Package[] = packageFolders
  .filter((folder) => exists(`${folder}/package.json`))
  .map((folder) => ({ folder, manifest: JSON.parse(read(`${folder}/package.json`)) as Manifest }));
const sources = packageFolders.flatMap((folder) => filesUnder(`${folder}/src`, [".ts", ".tsx"]));
const coreSources = sources.filter(({ path }) => path.startsWith("packages/core/"));
const tests = [...packageFolders.map((folder) => `${folder}/test`), "test"]
  .flatMap((folder) => filesUnder(folder, [".test.ts", ".test.tsx", "suite.ts"]))
  .filter(({ path }) => !path.startsWith("test/repository/"));

describe("the repository", () => {
  it("has sources, packages and tests to judge", () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(packages.map(({ manifest }) => manifest.name)).toContain("@tightbeam/core");
    expect(tests.length).toBeGreaterThan(3);
  });

  it("imports only downwards in core", () => expect(checkLayers(sources)).toEqual([]));
  it("keeps patterns and cryptography apart", () => expect(checkPatternsApartFromSecure(sources)).toEqual([]));
  it("gives transport packages only the entries meant for them", () => expect(checkTransportPackages(sources)).toEqual([]));
  it("gives store packages only the entries meant for them", () => expect(checkStorePackages(sources)).toEqual([]));
  it("has no import cycles", () => expect(checkCycles(sources)).toEqual([]));
  it("resolves every relative import", () => expect(checkResolvable(sources)).toEqual([]));
  it("imports jose only in identity", () => expect(checkOnlyImporters(sources, /^jose(?:\/|$)/, ["packages/core/src/identity/"])).toEqual([]));
  it("imports a NATS client only where the default one is", () =>
    expect(checkOnlyImporters(sources, /^(?:nats$|@nats-io\/)/, ["packages/nats/src/client/node.ts"])).toEqual([]));
  it("imports lmdb only in its package", () => expect(checkOnlyImporters(sources, /^lmdb(?:\/|$)/, ["packages/store-lmdb/src/"])).toEqual([]));
  it("imports OpenTelemetry, which is an optional peer, only in the part for those who have it", () =>
    expect(checkOnlyImporters(sources, /^@opentelemetry\//, ["packages/core/src/opentelemetry/"])).toEqual([]));
  it("imports noble only in crypto", () => expect(checkOnlyImporters(sources, /^@noble\//, ["packages/core/src/crypto/"])).toEqual([]));

  it("reads time and randomness only in runtime", () => expect(checkTimeAndRandomness(sources)).toEqual([]));
  it("writes to the console only in commands", () => {
    const paths = sources.map(({ path }) => path);
    const commands = packages.flatMap((each) => commandSources(each, paths));
    expect(checkConsole(sources, commands)).toEqual([]);
  });
  it("knows no Node in core", () => expect(checkNoNode(coreSources)).toEqual([]));
  it("keeps files short", () => expect(checkLength(sources)).toEqual([]));
  it("leaves nothing lying about", () => expect(checkLeftovers(sources)).toEqual([]));

  it.each(packages)("exports of $folder match its sources and its build", (each) => {
    expect(checkExports(each, exists, exists(`${each.folder}/dist/.tsbuildinfo`))).toEqual([]);
  });

  it("agrees on versions and manifests", () => {
    const rest = ["examples", "bench"].map((folder) => ({ folder, manifest: JSON.parse(read(`${folder}/package.json`)) as Manifest }));
    const workspace = { folder: ".", manifest: { private: true, ...(JSON.parse(read("package.json")) as Manifest) } };
    expect(checkVersions([...packages, ...rest, workspace])).toEqual([]);
  });

  it("builds every package", () => {
    const { references } = JSON.parse(read("tsconfig.json")) as { references: { path: string }[] };
    expect(
      checkReferences(
        packages,
        references.map(({ path }) => path),
      ),
    ).toEqual([]);
  });

  it.each(packages)("$folder carries a README and the licence", ({ folder }) => {
    expect(read(`${folder}/LICENSE`)).toBe(read("LICENSE"));
    expect(read(`${folder}/README.md`)).toMatch(/^# @tightbeam\//);
  });

  it("shows every claim of the threat model by a test", () => {
    const path = "docs/threat-model.md";
    expect(exists(path) ? checkClaims({ path, text: read(path) }, tests) : []).toEqual([]);
  });
});
