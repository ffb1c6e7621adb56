// The last line of `.ci/run`: the counts of `npm test` and of the matrix together. Fails when either is missing.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { countLine, scratch } from "./stages.mjs";

const total = { passed: 0, failed: 0, skipped: 0 };
for (const title of ["npm test", "npm run test:matrix"]) {
  const file = join(scratch, "counts", `${title}.json`);
  if (existsSync(file)) {
    const counts = JSON.parse(readFileSync(file, "utf8"));
    for (const key of Object.keys(total)) total[key] += counts[key];
  } else {
    console.log(`${title} ended without counting its tests`);
    total.failed += 1;
  }
}
console.log(countLine(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
