import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bundlePrograms } from "../../scripts/bundle.mjs";
import type { Line } from "./journal.js";
import { judgeJournals } from "./judge.js";
import { describeKills, killAgents } from "./kills.js";

declare module "vitest" {
  interface TaskMeta {
    /** `npm test` prints it. */
    measured?: string;
  }
}

// `npm run soak:kills` is the same with 300 kills.
describe("agents with stores on disk, killed at random instants", () => {
  it("lose nothing that was accepted, run nothing again that has its DONE, and commit each message with its mark", async ({ task }) => {
    const bundle = await bundlePrograms("kills", { child: fileURLToPath(new URL("child.ts", import.meta.url)) });
    const killed = await killAgents({ script: bundle("child"), kills: 12, seed: 5 });
    expect(killed.wrongs).toEqual([]);
    expect(killed.accepted).toBeGreaterThan(50);
    task.meta.measured = describeKills(killed);
  }, 120_000);
});

describe("the judge of journals", () => {
  const line = (at: number, deed: Line["deed"], number: number): Line => ({ at: BigInt(at), deed, number });
  const sent = [line(1, "tried", 0), line(2, "tried", 1), line(3, "accepted", 0), line(9, "done", 1)];
  const handled = [line(4, "started", 0), line(5, "committed", 0), line(6, "started", 1), line(7, "committed", 1)];
  const right = { count: 2, sum: 1 };

  it("finds nothing where all is right, nor where a kill interrupted a handler", () => {
    expect(judgeJournals(sent, handled, right)).toEqual({ accepted: 2, handled: 2, again: 0, wrongs: [] });
    expect(judgeJournals(sent, [line(3, "started", 0), ...handled], right)).toEqual({ accepted: 2, handled: 2, again: 1, wrongs: [] });
  });
  it.each([
    ["a loss", sent, handled.slice(2), { count: 1, sum: 1 }, "0 was accepted and is lost"],
    ["a handler after its commit", sent, [...handled, line(8, "started", 0)], right, "0 began again after its commit"],
    ["a handler after its DONE", sent, [...handled.slice(0, 3), line(10, "started", 1)], right, "1 began again after its DONE"],
    ["two commits", sent, [...handled, line(8, "committed", 1)], right, "1 was committed twice"],
    ["a wrong tally", sent, handled, { count: 3, sum: 2 }, "the tally has 3 messages with the sum 2; 2 with 1 were handled"],
    ["another order", sent, [...handled.slice(2), ...handled.slice(0, 2)], right, "0 began after 1"],
    ["what nobody sent", sent, [...handled, line(8, "started", 7)], { count: 3, sum: 8 }, "7 was never sent"],
  ] as const)("finds %s", (_, sender, receiver, tally, wrong) => expect(judgeJournals(sender, receiver, tally).wrongs).toContain(wrong));
});
