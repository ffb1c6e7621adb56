/*
 * `npm run bench -- --help`: measures what users install (the built packages) against raw `ws` and others, in one run.
 */
import { writeFileSync } from "node:fs";
import { measureCoreSize, measureImport, measureLinks } from "./footprint.js";
import { type Measured, measureRow, startSystems, warmUp } from "./measure.js";
import { options } from "./options.js";
import { stopAll } from "./processes.js";
import { judge, load, type Report, render } from "./report.js";
import { rows } from "./rows.js";

const { quick, rounds } = options;
const ms = quick ? 200 : 500;
const links = 200;
if (import.meta.resolve("@tightbeam/core").includes("/src/")) throw new Error("The benchmark runs the built packages: start it without the source condition.");

const note = (text: string): void => void (options.json || process.stderr.write(`${text}\n`));
const isWanted = (name: string): boolean => name.includes(options.rows);
const loadBefore = load();
const chosen = rows.filter(({ name }) => isWanted(name));
const systems = await startSystems(new Set(chosen.flatMap(({ ours, against }) => [ours, ...against])));
const measured: Measured[] = [];
note("warming up");
await warmUp(systems);
for (const row of chosen) {
  note(row.name);
  measured.push(await measureRow(row, systems, rounds, ms));
}
stopAll();

const alone = async <T>(name: string, measure: () => Promise<T>): Promise<T | undefined> => {
  if (!isWanted(name)) return undefined;
  note(name);
  return measure();
};
const report: Report = {
  rounds,
  ms,
  loadBefore,
  measured,
  hybrid: await alone("handshakes, idle links", () => measureLinks("hybrid", links, !quick)),
  script: await alone("handshakes, hybrid in JavaScript", () => measureLinks("script", links, false)),
  classical: await alone("handshakes, classical", () => measureLinks("classical", links, false)),
  importMs: await alone("import of core", () => measureImport(quick ? 3 : 10)),
  sizeBytes: await alone("size of core", measureCoreSize),
  loadAfter: load(),
};

if (options.json) console.log(JSON.stringify({ ...report, bars: judge(report) }, undefined, 2));
else console.log(`\n${render(report)}`);
if (!quick && options.rows === "") writeFileSync(new URL("RESULTS.md", import.meta.url), `# Results of the last \`npm run bench\`\n\n${render(report)}\n`);
