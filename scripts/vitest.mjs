// Runs the vitest suites on a given Node binary and turns vitest's own JSON report into counts.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, run, scratch } from "./stages.mjs";

/** `label` names the report files. Resolves `{ ok, output, passed, failed, skipped, skips, measured }`. */
export async function runVitest({ label, node = process.execPath, args = [], env = {}, timeout = 900_000 }) {
  const report = join(scratch, `vitest-${label}.json`);
  const skipFile = join(scratch, `skips-${label}.json`);
  for (const file of [report, skipFile, `${skipFile}.running`]) rmSync(file, { force: true });
  const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`, `--reporter=${join(root, "scripts", "skip-reporter.mjs")}`];
  const { ok, output } = await run(node, [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...reporters, ...args], {
    env: { ...env, TIGHTBEAM_SKIPS: skipFile },
    timeout,
  });
  if (!existsSync(report)) {
    const running = existsSync(`${skipFile}.running`) ? JSON.parse(readFileSync(`${skipFile}.running`, "utf8")) : [];
    const unfinished = running.length > 0 ? `; unfinished: ${running.join(", ")}` : "";
    return { ok: false, output: `vitest wrote no report${unfinished}\n${output}`, skips: [], measured: [] };
  }
  const reported = JSON.parse(readFileSync(report, "utf8"));
  const skips = existsSync(skipFile) ? JSON.parse(readFileSync(skipFile, "utf8")) : [];
  return { ...judge(reported, ok, output), skips, measured: measuredIn(reported) };
}

/** What tests measured beside passing: each left it as `task.meta.measured`. Resolves `[{ name, figures }]`. */
export const measuredIn = (report) =>
  report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ meta }) => meta?.measured !== undefined).map(({ fullName, meta }) => ({ name: fullName, figures: meta.measured })),
  );

/** What a vitest JSON report and exit status amount to. A file that failed before its first test counts as one failed test. */
export function judge(report, exitOk, output) {
  const brokenFiles = report.testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"));
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + brokenFiles.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  if (passed + failed + skipped === 0) return { ok: false, output: `vitest found no tests at all\n${output}`, passed, failed, skipped };
  return { ok: exitOk && report.success && failed === 0, output: `${failuresIn(report)}${output}`, passed, failed, skipped };
}

/** What failed stands before everything that passed had to say: whoever sees only the beginning of a log sees this. */
function failuresIn({ testResults }) {
  const lines = testResults
    .filter(({ status }) => status === "failed")
    .flatMap(({ name, message = "", assertionResults }) => {
      const failed = assertionResults.filter(({ status }) => status === "failed");
      if (failed.length === 0) return [`${name}: ${firstLine(message)}`];
      return failed.map(({ fullName, failureMessages = [] }) => `${fullName}: ${firstLine(failureMessages[0] ?? "")}`);
    });
  return lines.length === 0 ? "" : `Failed:\n${lines.map((line) => `  ${line}\n`).join("")}\n`;
}

const firstLine = (text) => text.split("\n", 1)[0].slice(0, 300);
