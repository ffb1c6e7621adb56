// What `npm test` and `npm run test:matrix` share: stages with one line each, a list of what was skipped, and the line that counts.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const scratch = join(root, ".tmp");

const groups = new Set();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    for (const pid of groups) stopGroup(pid);
    process.exit(130);
  });
}

/** A program may have started others: they end with it. */
function stopGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Ended already.
  }
}

/** Runs one program to its end. Resolves `{ ok, output, code }`; output is stdout and stderr as they came. Never rejects. */
export function run(command, args, { cwd = root, env = {}, timeout = 600_000 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, npm_config_loglevel: "error", NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    if (child.pid !== undefined) groups.add(child.pid);
    const timer = setTimeout(() => {
      output += `\nstopped: not finished after ${timeout / 1000} s\n`;
      stopGroup(child.pid);
    }, timeout);
    const end = (result) => {
      clearTimeout(timer);
      groups.delete(child.pid);
      resolve(result);
    };
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.on("error", (error) => end({ ok: false, output: `${output}${error.message}\n`, code: 1 }));
    child.on("close", (code) => end({ ok: code === 0, output, code }));
  });
}

/** The path of a program that an installed development dependency brings. */
export const bin = (name) => join(root, "node_modules", ".bin", name);

/**
 * Keeps the score of a run. A stage is `() => Promise<{ ok, output?, passed?, failed?, skipped? }>`:
 * without counts it counts as one test. Skips are `{ name, tests, reason, install? }`.
 */
export function createScore(title) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const skips = [];
  const notes = [];
  const started = Date.now();

  async function stage(name, work) {
    const from = Date.now();
    const result = await work().catch((error) => ({ ok: false, output: `${error.stack}\n` }));
    const { passed = result.ok ? 1 : 0, failed = result.ok ? 0 : 1, skipped = 0 } = result;
    // A stage that says it failed counts as at least one failure, whatever its own counts say.
    const failures = result.ok ? failed : Math.max(failed, 1);
    counts.passed += passed;
    counts.failed += failures;
    counts.skipped += skipped;
    const ok = result.ok && failures === 0;
    const tests = passed + failures + skipped > 1 ? `  ${passed} passed${failures ? `, ${failures} failed` : ""}${skipped ? `, ${skipped} skipped` : ""}` : "";
    console.log(`${ok ? "ok  " : "FAIL"}  ${name.padEnd(28)} ${((Date.now() - from) / 1000).toFixed(1).padStart(6)} s${tests}`);
    if (!ok) console.log(`\n${excerpt(result.output ?? "")}\n`);
    return ok;
  }

  function skip(entry) {
    skips.push(entry);
  }

  /** What a test measured: `{ name, figures }`. */
  function note(entry) {
    notes.push(entry);
  }

  /** A stage that could not run at all, counted as one skipped test. */
  function skipStage(name, reason, install) {
    counts.skipped += 1;
    skips.push({ name, tests: 1, reason, install });
    console.log(`skip  ${name.padEnd(28)}`);
  }

  /** Prints what was measured, the skips and the line that counts, keeps the counts for `scripts/total.mjs`, and sets the exit code. */
  function finish() {
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    if (notes.length > 0) {
      console.log("\nMeasured:");
      for (const { name, figures } of notes) console.log(`  ${name}:\n    ${figures}`);
    }
    if (skips.length > 0) {
      console.log("\nSkipped:");
      for (const { name, tests, reason, install } of skips) console.log(`  ${name} (${tests}): ${reason}${install ? `; ${install}` : ""}`);
    }
    mkdirSync(join(scratch, "counts"), { recursive: true });
    writeFileSync(join(scratch, "counts", `${title}.json`), JSON.stringify(counts));
    console.log(`\n${title}: ${seconds} s on Node ${process.versions.node}`);
    console.log(countLine(counts));
    process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
  }

  return { stage, skip, note, skipStage, finish };
}

/** Indented, and no longer than a person scrolls: the beginning and the end of what a stage said. */
function excerpt(output) {
  const lines = output.trim().split("\n");
  const shown = lines.length <= 400 ? lines : [...lines.slice(0, 250), `... ${lines.length - 400} lines left out ...`, ...lines.slice(-150)];
  return shown.map((line) => `      ${line}`.trimEnd()).join("\n");
}

export const countLine = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;
