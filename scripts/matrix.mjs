// `npm run test:matrix`: the same suites on the other Node versions, and a smoke test of the built packages on Bun, Deno and workerd.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { readArguments } from "./arguments.mjs";
import { ensureChromium } from "./chromium.mjs";
import { ensureNatsServer } from "./nats-server.mjs";
import { bin, createScore, root, run, scratch } from "./stages.mjs";
import { runVitest } from "./vitest.mjs";

readArguments("Usage: npm run test:matrix\n\nThe suites on other Node versions, and a smoke test of the built packages on Bun, Deno and workerd.");
const NODES = ["22", "24"];

rmSync(join(scratch, "counts", "npm run test:matrix.json"), { force: true });
const score = createScore("npm run test:matrix");

// For test/browser and the NATS suites, which skip themselves by name where there can be none.
ensureChromium();
ensureNatsServer();

for (const version of NODES) {
  const found = await run("npx", ["-y", "-p", `node@${version}`, "node", "-p", "process.execPath"]);
  const node = found.output.trim().split("\n").at(-1);
  if (!found.ok || !node) {
    await unavailable(`tests on Node ${version}`, `npx -p node@${version}`, found.output);
    continue;
  }
  await score.stage(`tests on Node ${version}`, async () => {
    const result = await runVitest({ label: `node${version}`, node, args: ["--project=node"] });
    for (const entry of result.skips) score.skip({ ...entry, name: `Node ${version}: ${entry.name}` });
    for (const entry of result.measured) score.note({ ...entry, name: `Node ${version}: ${entry.name}` });
    return result;
  });
}

const smoke = join("test", "smoke", "smoke.mjs");
/** The relay runs on Node, whoever its clients are. */
const relayNode = { TIGHTBEAM_NODE: process.execPath };
const compiled = await score.stage("build (tsc -b)", () => run(bin("tsc"), ["-b"]));
const built = (await score.stage("core for Node (esbuild)", () => run(process.execPath, [join("scripts", "build-core.mjs")]))) && compiled;
if (built) {
  await score.stage("smoke on this Node", () => run(process.execPath, [smoke]));
  await score.stage("smoke on Bun", () => run("npx", ["-y", "bun", smoke], { env: relayNode, timeout: 180_000 }));
  await score.stage("smoke on Deno", () =>
    run("npx", ["-y", "deno", "run", "--allow-all", "--node-modules-dir=manual", "--no-lock", smoke], { env: relayNode, timeout: 180_000 }),
  );
  await score.stage("smoke on workerd", () => run(process.execPath, [join("test", "smoke", "workerd.mjs")], { timeout: 180_000 }));
} else {
  score.skipStage("smoke on Bun, Deno, workerd", "the build failed", "repair it first");
}

score.finish();

/** Without the registry there is no other Node to be had: an honest skip at home, a failure in CI. */
async function unavailable(name, command, output) {
  if (process.env.CI) await score.stage(name, async () => ({ ok: false, output }));
  else score.skipStage(name, `${command} could not fetch it from the npm registry in ${root}`, "check the network and the npm registry setting");
}
