import { runStoreRules, type StoreRule, storeRules } from "@tightbeam/conformance/stores";
import { describe, expect, it } from "vitest";
import { diskEnv, memorySubject } from "../../core/test/store/env.js";
import { brokenStores } from "./broken-stores.js";

const clauses = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8"];
const ruleOf = (id: string): StoreRule => storeRules.find((rule) => rule.id === id) as StoreRule;

describe("the rules of stores", () => {
  it("cover every clause, each named with its clause", () => {
    expect([...new Set(storeRules.map(({ clause }) => clause))]).toEqual(clauses);
    expect(storeRules.filter(({ id, clause }) => !id.startsWith(`${clause}/`))).toEqual([]);
    expect(new Set(storeRules.map(({ id }) => id)).size).toBe(storeRules.length);
  });

  it("are each broken by at least one store", () => {
    const caught = new Set(brokenStores.flatMap(({ catches }) => catches));
    expect(storeRules.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
  });

  it.concurrent.each(brokenStores)("catch a store that $flaw", async ({ flaw, catches, create }) => {
    const results = await runStoreRules({ name: flaw, create, deadlineMs: 1_000 }, catches.map(ruleOf));
    expect(results.map(({ rule, outcome }) => [rule, outcome])).toEqual(catches.map((rule) => [rule, "failed"]));
  });

  it("never hang on a store that does, and end with one whose clean-up fails", async () => {
    const never = new Promise<never>(() => {});
    const hanging = await runStoreRules({
      name: "hangs",
      create: () => ({ open: () => never, startWriter: () => never, breakFlush: () => {}, close: () => {} }),
      deadlineMs: 20,
    });
    expect(hanging.map(({ outcome }) => outcome)).toEqual(storeRules.map(() => "failed"));
  });

  it("skip with a reason, and not for a rule that passes", async () => {
    expect(await runStoreRules(memorySubject, [ruleOf("S3/killed")])).toMatchObject([{ outcome: "skipped", reason: expect.stringContaining("process") }]);
    const stale = { name: "disk", create: diskEnv, skip: [{ rule: "S8/too-large", reason: "not so" }] };
    expect(await runStoreRules(stale, [ruleOf("S8/too-large")])).toMatchObject([{ outcome: "failed", error: { message: expect.stringContaining("stale") } }]);
  });
});
