// A vitest reporter: writes which tests were skipped and why, grouped by file and outermost suite, to the file in TIGHTBEAM_SKIPS,
// and while it runs which files are under way, so that a suite that never ends has a name.
// The reason is the note of `context.skip(note)`; a suite skipped with `skipIf` says it in its name.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";

export default class SkipReporter {
  underWay = new Set();

  onTestModuleStart(module) {
    this.underWay.add(relative(process.cwd(), module.moduleId));
    this.#note();
  }

  onTestModuleEnd(module) {
    this.underWay.delete(relative(process.cwd(), module.moduleId));
    this.#note();
  }

  #note() {
    if (process.env.TIGHTBEAM_SKIPS) write(`${process.env.TIGHTBEAM_SKIPS}.running`, [...this.underWay]);
  }

  onTestRunEnd(modules) {
    const groups = new Map();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state !== "skipped") continue;
        const file = relative(process.cwd(), module.moduleId);
        let outermost = test;
        let broken = module.errors().length > 0;
        while (outermost.parent.type !== "module") {
          outermost = outermost.parent;
          broken ||= outermost.errors().length > 0;
        }
        const reason = result.note ?? (broken ? "the hook that prepares it failed" : "skipped by its own condition, which its name states");
        const key = `${file} > ${outermost.name}`;
        const group = groups.get(key) ?? { name: key, tests: 0, reason };
        group.tests += 1;
        groups.set(key, group);
      }
    }
    if (process.env.TIGHTBEAM_SKIPS) write(process.env.TIGHTBEAM_SKIPS, [...groups.values()]);
  }
}

function write(target, value) {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, JSON.stringify(value));
}
