import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { judge, measuredIn, runVitest, type VitestReport } from "../scripts/vitest.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = (args: readonly string[], env: Record<string, string> = {}): { code: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "", ...env } });
  return { code: status, output: stdout + stderr };
};

describe("a command of package.json that is given what it does not take", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Readonly<Record<string, string>> };
  const ask = (command: string, word: string): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve) => {
      const [, ...args] = [...command.split(" "), word];
      const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, NODE_OPTIONS: "" } });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
      child.on("close", (code) => resolve({ code, output }));
    });
  const names = ["test", "test:matrix", "bench", "soak:stream", "soak:kills", "soak:topics", "soak:nats-store", "inspector:screenshots"];

  it("says how it is used, and does nothing", { timeout: 120_000 }, async () => {
    for (const name of names) {
      const { code, output } = await ask(scripts[name] as string, "--quik");
      expect({ name, code, output }).toEqual({ name, code: 2, output: expect.stringMatching(/^Unknown option '--quik'\n\nUsage: npm /) });
    }
    const help = await ask(scripts.bench as string, "--help");
    expect(help).toEqual({ code: 0, output: expect.stringMatching(/^Usage: npm run bench /) });
  });
});

describe("what a vitest report amounts to", () => {
  const report = (part: Partial<VitestReport>): VitestReport => ({
    success: true,
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [{ status: "passed", assertionResults: [{ status: "passed" }] }],
    ...part,
  });

  it("passes when all pass, and counts what was skipped", () => {
    expect(judge(report({ numPendingTests: 2, numTodoTests: 1 }), true, "")).toMatchObject({ ok: true, passed: 3, failed: 0, skipped: 3 });
  });
  it("fails when no test ran", () => {
    expect(judge(report({ numPassedTests: 0, testResults: [] }), true, "")).toMatchObject({ ok: false, passed: 0 });
  });
  it("counts a file that failed before its first test", () => {
    const broken = { status: "failed", assertionResults: [] };
    expect(judge(report({ success: false, testResults: [broken] }), false, "")).toMatchObject({ ok: false, failed: 1 });
  });
  it("names what failed, and how, before all that was said", () => {
    const testResults = [{ status: "failed", assertionResults: [{ status: "failed" }] }];
    const failures = [{ name: "link.test.ts > links survive a cut", message: "Error: Test timed out in 30000ms." }];
    expect(judge(report({ success: false, numFailedTests: 1, testResults }), false, "dots", failures).output).toBe(
      "Failed:\n  link.test.ts > links survive a cut: Error: Test timed out in 30000ms.\n\ndots",
    );
  });
  it("fails when vitest itself failed, for instance on an unhandled rejection", () => {
    expect(judge(report({}), false, "")).toMatchObject({ ok: false });
  });
});

describe("a run of vitest", () => {
  it("names what failed in the words of its error, where time ran out, too, and in hooks and whole files", async () => {
    mkdirSync(join(root, ".tmp"), { recursive: true });
    const place = mkdtempSync(join(root, ".tmp", "vitest-run-"));
    const slow = "new Promise(() => {})";
    const files = {
      "vitest.config.mjs": "export default {};",
      "slow.test.mjs": `import { expect, it, vi } from "vitest";
        it("never ends", () => ${slow}, 50);
        it("waits", () => vi.waitFor(() => { throw new Error("not yet"); }, 50));
        it("is wrong", () => expect(1).toBe(2));
        it("passes", () => {});
        it.skip("is left out", () => {});`,
      "hook.test.mjs": `import { beforeAll, describe, it } from "vitest"; describe("prepared", () => { beforeAll(() => ${slow}, 50); it("runs", () => {}); });`,
      "broken.test.mjs": 'throw new Error("no such file\\n  at any place");',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), text);
    try {
      const { ok, output, passed, failed, skipped, skips } = await runVitest({ label: "scripts-test", args: ["--root", place] });
      expect({ ok, passed, failed }).toEqual({ ok: false, passed: 1, failed: 5 });
      expect(skipped).toBe(skips.reduce((sum, { tests }) => sum + tests, 0));
      const told = output.slice(0, output.indexOf("\n\n")).split("\n");
      expect(told.map((line) => line.replace(/^ {2}\S*?(\w+\.test\.mjs)/, "$1")).sort()).toEqual([
        "Failed:",
        "broken.test.mjs: Error: no such file",
        "hook.test.mjs > prepared: Error: Hook timed out in 50ms.",
        "slow.test.mjs > is wrong: AssertionError: expected 1 to be 2 // Object.is equality",
        "slow.test.mjs > never ends: Error: Test timed out in 50ms.",
        "slow.test.mjs > waits: Error: not yet",
      ]);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });
});

describe("what tests measured", () => {
  it("is found in their notes", () => {
    const tests = [{ status: "passed", fullName: "a b", meta: { measured: "7 ms" } }, { status: "passed", fullName: "c", meta: {} }, { status: "passed" }];
    expect(measuredIn({ testResults: [{ status: "passed", assertionResults: tests }] })).toEqual([{ name: "a b", figures: "7 ms" }]);
  });
});

describe("the score", () => {
  let place = "";
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), "tightbeam-score-"));
    mkdirSync(join(place, "scripts"));
    for (const name of ["stages.mjs", "total.mjs"]) writeFileSync(join(place, "scripts", name), readFileSync(join(root, "scripts", name)));
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  const play = (title: string, body: string): { code: number | null; output: string } => {
    const stages = pathToFileURL(join(place, "scripts", "stages.mjs")).href;
    writeFileSync(
      join(place, "play.mjs"),
      `import { createScore } from ${JSON.stringify(stages)};\nconst score = createScore(${JSON.stringify(title)});\n${body}\nscore.finish();\n`,
    );
    return node([join(place, "play.mjs")]);
  };
  const last = (output: string): string | undefined => output.trim().split("\n").at(-1);

  it("ends with the line that counts", () => {
    const { code, output } = play(
      "npm test",
      'await score.stage("a", async () => ({ ok: true }));\nawait score.stage("b", async () => ({ ok: true, passed: 40, failed: 0, skipped: 2 }));',
    );
    expect(last(output)).toBe("41 passed, 0 failed, 2 skipped");
    expect(code).toBe(0);
  });
  it("fails, shows the output and goes on when a stage fails or throws", () => {
    const { code, output } = play(
      "npm test",
      'await score.stage("a", async () => ({ ok: false, output: "what went wrong" }));\nawait score.stage("b", async () => { throw new Error("thrown"); });\nawait score.stage("c", async () => ({ ok: true, output: "quiet" }));',
    );
    expect(last(output)).toBe("1 passed, 2 failed, 0 skipped");
    expect(output).toContain("what went wrong");
    expect(output).toContain("thrown");
    expect(output).not.toContain("quiet");
    expect(code).toBe(1);
  });
  it("does not let counts hide a stage that failed", () => {
    const { code, output } = play("npm test", 'await score.stage("a", async () => ({ ok: false, passed: 5, failed: 0 }));');
    expect(last(output)).toBe("5 passed, 1 failed, 0 skipped");
    expect(code).toBe(1);
  });
  it("shows what was measured", () => {
    const { output } = play(
      "npm test",
      'await score.stage("a", async () => ({ ok: true }));\nscore.note({ name: "a kill", figures: "longest pause 300 ms" });',
    );
    expect(output).toContain("Measured:\n  a kill:\n    longest pause 300 ms");
    expect(last(output)).toBe("1 passed, 0 failed, 0 skipped");
  });
  it("names what was skipped, why, and what to install", () => {
    const { output } = play(
      "npm test",
      'await score.stage("a", async () => ({ ok: true }));\nscore.skipStage("browser suites", "no chromium here", "install chromium");',
    );
    expect(output).toContain("browser suites (1): no chromium here; install chromium");
    expect(last(output)).toBe("1 passed, 0 failed, 1 skipped");
  });
  it("fails when nothing ran", () => {
    expect(play("npm test", "")).toMatchObject({ code: 1 });
  });
  it("adds up both commands, and fails when one of them never counted", () => {
    play("npm test", 'await score.stage("a", async () => ({ ok: true, passed: 10 }));');
    const total = (): { code: number | null; output: string } => node([join(place, "scripts", "total.mjs")]);
    expect(total()).toMatchObject({ code: 1 });
    expect(last(total().output)).toBe("10 passed, 1 failed, 0 skipped");
    play("npm run test:matrix", 'await score.stage("a", async () => ({ ok: true, passed: 5, skipped: 1 }));');
    expect(last(total().output)).toBe("15 passed, 0 failed, 1 skipped");
    expect(total().code).toBe(0);
  });
});

describe("before anything is installed", () => {
  it("says which Node is needed and which this is", () => {
    const older = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.3.0"}})';
    const { code, output } = node(["--import", older, "scripts/bootstrap.mjs"]);
    expect(code).toBe(1);
    expect(output).toContain("needs Node 20.19 or later, and this is Node 18.3.0");
  });

  it("lists no nats-server as a reason with what to install, and installs nothing when told not to", () => {
    const script = 'import { ensureNatsServer } from "./scripts/nats-server.mjs"; console.log(JSON.stringify(ensureNatsServer()));';
    const { output } = node(["--input-type=module", "-e", script], { TIGHTBEAM_NO_INSTALL: "1", TIGHTBEAM_NATS_SERVER: "/nowhere" });
    const answer = JSON.parse(output) as { path?: string; reason?: string; install?: string };
    if (answer.path === undefined)
      expect(answer).toMatchObject({ reason: expect.stringContaining("TIGHTBEAM_NO_INSTALL"), install: expect.stringContaining("nats-server") });
    else expect(existsSync(answer.path)).toBe(true);
  });

  it("lists no browser as a reason with what to install, and installs nothing when told not to", () => {
    const script = 'import { ensureChromium } from "./scripts/chromium.mjs"; console.log(JSON.stringify(ensureChromium()));';
    const { output } = node(["--input-type=module", "-e", script], { TIGHTBEAM_NO_INSTALL: "1", TIGHTBEAM_CHROMIUM: "/nowhere" });
    const answer = JSON.parse(output) as { path?: string; reason?: string; install?: string };
    if (answer.path === undefined)
      expect(answer).toMatchObject({ reason: expect.stringContaining("TIGHTBEAM_NO_INSTALL"), install: expect.stringContaining("chromium") });
    else expect(existsSync(answer.path)).toBe(true);
  });
});
