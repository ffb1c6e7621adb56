// A vitest reporter: notes what vitest's JSON report lacks in the file in TIGHTBEAM_NOTES, as `{ skips, failures }`: which tests were skipped and why,
// grouped by file and outermost suite, and what failed with its message, hooks and whole files included. While it runs it notes beside it which files
// are under way, so that a suite that never ends has a name.
// The reason of a skip is the note of `context.skip(note)`; a suite skipped with `skipIf` says it in its name.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";

export default class Reporter {
  underWay = new Set();

  onTestModuleStart(module) {
    this.underWay.add(fileOf(module));
    this.#note();
  }

  onTestModuleEnd(module) {
    this.underWay.delete(fileOf(module));
    this.#note();
  }

  #note() {
    if (process.env.TIGHTBEAM_NOTES) write(`${process.env.TIGHTBEAM_NOTES}.running`, [...this.underWay]);
  }

  onTestRunEnd(modules, unhandled) {
    if (!process.env.TIGHTBEAM_NOTES) return;
    write(process.env.TIGHTBEAM_NOTES, { skips: skipsIn(modules), failures: failuresIn(modules, unhandled) });
  }
}

const fileOf = (module) => relative(process.cwd(), module.moduleId);

function skipsIn(modules) {
  const groups = new Map();
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state !== "skipped") continue;
      let outermost = test;
      let broken = module.errors().length > 0;
      while (outermost.parent.type !== "module") {
        outermost = outermost.parent;
        broken ||= outermost.errors().length > 0;
      }
      const reason = result.note ?? (broken ? "the hook that prepares it failed" : "skipped by its own condition, which its name states");
      const key = `${fileOf(module)} > ${outermost.name}`;
      const group = groups.get(key) ?? { name: key, tests: 0, reason };
      group.tests += 1;
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

function failuresIn(modules, unhandled = []) {
  const failures = [];
  const note = (name, errors) => {
    for (const error of errors) failures.push({ name, message: firstLine(error) });
  };
  for (const module of modules) {
    note(fileOf(module), module.errors());
    for (const suite of module.children.allSuites()) note(`${fileOf(module)} > ${suite.fullName}`, suite.errors());
    for (const test of module.children.allTests()) note(`${fileOf(module)} > ${test.fullName}`, test.result().errors ?? []);
  }
  note("outside of every test", unhandled);
  return failures;
}

const firstLine = ({ name = "Error", message = "" }) => `${name}: ${message}`.split("\n", 1)[0].slice(0, 1_000);

function write(target, value) {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, JSON.stringify(value));
}
