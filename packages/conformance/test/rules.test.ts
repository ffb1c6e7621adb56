import { losslessRules, type Rule, type RuleResult, rules, runRules, type Subject } from "@tightbeam/conformance/suite";
import { describe, expect, it } from "vitest";
import { memoryEnv } from "../../memory/test/env.js";
import { brokenTransports } from "./broken.js";

const clauses = ["T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12"];
const memory: Subject = { name: "memory", create: memoryEnv, settleMs: 5 };
const ruleOf = (id: string): Rule => rules.find((rule) => rule.id === id) as Rule;

describe("the rules", () => {
  it("cover every clause, each named with its clause", () => {
    expect([...new Set(rules.map(({ clause }) => clause))]).toEqual(clauses);
    expect(rules.filter(({ id, clause }) => !id.startsWith(`${clause}/`))).toEqual([]);
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    expect(losslessRules.length).toBeGreaterThan(0);
    expect(losslessRules.length).toBeLessThan(rules.length);
  });

  it("are each broken by at least one transport", () => {
    const caught = new Set(brokenTransports.flatMap(({ catches }) => catches));
    expect(rules.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
  });

  // Every rule of the clauses in question runs: the flaw is caught by the rule that names it and by no neighbour.
  it.concurrent.each(brokenTransports)("catch a transport that $flaw", async ({ flaw, catches, create }) => {
    const judged = rules.filter(({ clause }) => catches.some((id) => id.startsWith(`${clause}/`)));
    const run = (rule: Rule) => runRules({ name: flaw, create, settleMs: 40, ...(catches.includes(rule.id) && { deadlineMs: 300 }) }, [rule]);
    const results: RuleResult[] = [];
    for (const rule of judged) results.push(...(await run(rule)));
    expect(results.filter(({ outcome }) => outcome === "failed").map(({ rule }) => rule)).toEqual(
      judged.map(({ id }) => id).filter((id) => catches.includes(id)),
    );
  });
});

describe("skips", () => {
  const flawed = brokenTransports.find(({ flaw }) => flaw === "swallows empty frames");
  const broken: Subject = { name: "broken", create: () => (flawed as (typeof brokenTransports)[number]).create(), deadlineMs: 200, settleMs: 5 };
  const skip = [{ rule: "T3/empty-frame", reason: "the medium has no empty frames" }];

  it("turn a rule that fails into a skip with its reason", async () => {
    expect(await runRules({ ...broken, skip }, [ruleOf("T3/empty-frame")])).toEqual([
      { rule: "T3/empty-frame", outcome: "skipped", reason: "the medium has no empty frames" },
    ]);
  });

  it("are stale when the rule passes", async () => {
    const [result] = await runRules({ ...memory, skip }, [ruleOf("T3/empty-frame")]);
    expect(result).toMatchObject({ outcome: "failed", error: { message: expect.stringContaining("stale") } });
  });

  it("are refused when they name no rule or give no reason", async () => {
    await expect(runRules({ ...memory, skip: [{ rule: "T3/nonsense", reason: "x" }] })).rejects.toThrow("no rule");
    await expect(runRules({ ...memory, skip: [{ rule: "T3/empty-frame", reason: " " }] })).rejects.toThrow("reason");
  });
});

it("the suite never hangs on a transport that does", async () => {
  const never = new Promise<never>(() => {});
  const results = await runRules({
    name: "hangs",
    create: () => ({ connect: () => never, cut: () => never, restore: () => never, close: () => {} }),
    deadlineMs: 20,
  });
  expect(results.map(({ outcome }) => outcome)).toEqual(rules.map(() => "failed"));
});
