// The order of vitest's files. By itself it takes one project after the other, and files without an earlier run by their size: the longest, which start
// processes and browsers, would come last, and most workers would wait for them.
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those that take ten seconds and more, the longest first. */
const longest: readonly string[] = [
  "test/packing.test.ts",
  "test/demo.test.ts",
  "test/examples.test.ts",
  "test/agents/via.test.ts",
  "test/agents/virtual.test.ts",
  "packages/inspector/test/page/browser/page.test.ts",
  "test/agents/nats.test.ts",
  "test/replicas/example.test.ts",
  "packages/cli/test/commands/messages.test.ts",
  "test/agents/websocket.test.ts",
  "test/agents/memory.test.ts",
  "test/replicas/virtual.test.ts",
  "packages/cli/test/commands/looking.test.ts",
  "test/replicas/processes.test.ts",
  "test/failover/nats.test.ts",
  "packages/websocket/test/relay/bin.test.ts",
  "test/scripts.test.ts",
  "packages/core/test/link/conversation.test.ts",
  "test/browser/agents.test.ts",
  "test/simulation/liveness.test.ts",
  "test/simulation/planted.test.ts",
  "test/abuse/outsider.test.ts",
  "test/abuse/flood.test.ts",
];

const place = ({ moduleId }: TestSpecification): number => {
  const index = longest.indexOf(relative(process.cwd(), moduleId));
  return index === -1 ? longest.length : index;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    for (const file of longest) if (!existsSync(file)) throw new Error(`${file} is gone: scripts/longest-first.ts still names it.`);
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => a.project.config.sequence.groupOrder - b.project.config.sequence.groupOrder || place(a) - place(b));
  }
}
