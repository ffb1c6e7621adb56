// `npm test`: type-check, lint, build, every suite, and the packages as they would be published. Every stage that can run does run.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readArguments } from "./arguments.mjs";
import { ensureChromium } from "./chromium.mjs";
import { ensureNatsServer } from "./nats-server.mjs";
import { bin, createScore, root, run, scratch } from "./stages.mjs";
import { browserTests } from "./suites.mjs";
import { runVitest } from "./vitest.mjs";

readArguments(
  "Usage: npm test\n\nTypes, lint, build, all suites, and the packages as they would be published. One folder: npx vitest run packages/core/test/link",
);
rmSync(join(scratch, "counts", "npm test.json"), { force: true });
const score = createScore("npm test");
const packages = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((folder) => existsSync(join(folder, "package.json")));

// Two at a time: the machine this is sized for has two cores.
await Promise.all([
  (async () => {
    await score.stage("types (tsc)", () => run(bin("tsc"), ["-p", "tsconfig.check.json"]));
    await score.stage("unused code (knip)", () => run(bin("knip"), ["--no-progress"]));
  })(),
  (async () => {
    await score.stage("format and lint (biome)", () => run(bin("biome"), ["check", "--error-on-warnings", "--max-diagnostics=50", "."]));
    await score.stage("promises (oxlint)", () => run(bin("oxlint"), ["--type-aware", "--deny-warnings", "--format=unix"]));
  })(),
]);

const compiled = await score.stage("build (tsc -b)", () => {
  // From nothing: a file that lost its source must not be packed.
  for (const folder of packages) rmSync(join(folder, "dist"), { recursive: true, force: true });
  return run(bin("tsc"), ["-b"]);
});
const forNode = await score.stage("core for Node (esbuild)", () => run(process.execPath, [join("scripts", "build-core.mjs")]));
const bundled = await score.stage("the inspector's page (esbuild)", () => run(process.execPath, [join("scripts", "build-page.mjs")]));
const built = compiled && forNode && bundled;
const packed = join(scratch, "packed");
const archived = built && (await score.stage("pack (npm)", () => run(process.execPath, [join("scripts", "pack.mjs"), packed])));

// For the suites that open a page: those in test/browser skip themselves by name, those of vitest's own page have no project without it.
const chromium = ensureChromium();
if ("reason" in chromium && browserTests().length > 0) {
  score.skipStage(`browser suites: ${browserTests().join(", ")}`, chromium.reason, chromium.install);
}
// The NATS suites start their own; without one they skip themselves by name.
ensureNatsServer();
await score.stage("tests (vitest)", async () => {
  const result = await runVitest({ label: "main", env: archived ? { TIGHTBEAM_PACKED: packed } : {} });
  for (const entry of result.skips) score.skip(entry);
  for (const entry of result.measured) score.note(entry);
  return result;
});

if (archived) {
  const archives = JSON.parse(readFileSync(join(packed, "packed.json"), "utf8"));
  const inTurn = async (command, args) => {
    for (const { name, filename } of archives) await score.stage(`${command} ${name}`, () => run(bin(command), [join(packed, filename), ...args]));
  };
  await Promise.all([inTurn("publint", ["--strict"]), inTurn("attw", ["--profile", "esm-only"])]);
  await score.stage("size of core (size-limit)", () => run(bin("size-limit"), []));
} else {
  score.skipStage("publint, attw, size-limit", "the build or npm pack failed", "repair it first");
}

score.finish();
