// Runs the vitest suites on a given Node binary and turns vitest's own JSON report into counts. What that report lacks our own reporter notes.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, run, scratch } from "./stages.mjs";

/** `label` names the report files. Resolves `{ ok, output, passed, failed, skipped, skips, measured }`. */
export async function runVitest({ label, node = process.execPath, args = [], env = {}, timeout = 900_000 }) {
  const report = join(scratch, `vitest-${label}.json`);
  const notes = join(scratch, `notes-${label}.json`);
  for (const file of [report, notes, `${notes}.running`]) rmSync(file, { force: true });
  const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`, `--reporter=${join(root, "scripts", "reporter.mjs")}`];
  const { ok, output } = await run(node, [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...reporters, ...args], {
    env: { ...env, TIGHTBEAM_NOTES: notes },
    timeout,
  });
  if (!existsSync(report)) {
    const running = existsSync(`${notes}.running`) ? JSON.parse(readFileSync(`${notes}.running`, "utf8")) : [];
    const unfinished = running.length > 0 ? `; unfinished: ${running.join(", ")}` : "";
    return { ok: false, output: `vitest wrote no report${unfinished}\n${output}`, skips: [], measured: [] };
  }
  const reported = JSON.parse(readFileSync(report, "utf8"));
  const { skips, failures } = existsSync(notes) ? JSON.parse(readFileSync(notes, "utf8")) : { skips: [], failures: [] };
  return { ...judge(reported, ok, output, failures), skips, measured: measuredIn(reported) };
}

/** What tests measured beside passing: each left it as `task.meta.measured`. Resolves `[{ name, figures }]`. */
export const measuredIn = (report) =>
  report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ meta }) => meta?.measured !== undefined).map(({ fullName, meta }) => ({ name: fullName, figures: meta.measured })),
  );

/**
 * What a vitest JSON report and exit status amount to. A file that failed before its first test counts as one failed test.
 * `failures` are the reporter's: the report itself gives stacks for messages, and of what timed out a stack says nothing.
 */
export function judge(report, exitOk, output, failures = []) {
  const brokenFiles = report.testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"));
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + brokenFiles.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  if (passed + failed + skipped === 0) return { ok: false, output: `vitest found no tests at all\n${output}`, passed, failed, skipped };
  return { ok: exitOk && report.success && failed === 0, output: `${told(failures)}${output}`, passed, failed, skipped };
}

/** What failed stands before everything that passed had to say: whoever sees only the beginning of a log sees this. */
const told = (failures) => (failures.length === 0 ? "" : `Failed:\n${failures.map(({ name, message }) => `  ${name}: ${message}\n`).join("")}\n`);
