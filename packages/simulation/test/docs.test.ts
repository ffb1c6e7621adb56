import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { faultKinds, invariants, SimulationFailure } from "../src/index.js";

const root = join(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "docs/simulation.md"), "utf8");

const start = page.indexOf("```ts\n// shop.ts\n");
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
writeFileSync(join(folder, "shop.ts"), page.slice(start + "```ts\n".length, page.indexOf("\n```\n", start)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Shop {
  shopHolds(seed: number, kinds?: readonly string[]): Promise<unknown>;
}

describe("docs/simulation.md", async () => {
  const { shopHolds } = (await import(join(folder, "shop.ts"))) as Shop;

  it("its example holds on bad networks", async () => {
    for (let seed = 0; seed < 30; seed++) await shopHolds(seed, ["drop", "duplicate", "partition", "flap"]);
  });

  it("and with crashes it does not, as the page shows", async () => {
    const seed = Number(/^Seed (\d+), /m.exec(page)?.[1]);
    const failure = await shopHolds(seed, ["drop", "duplicate", "partition", "flap", "crash"]).catch((error: unknown) => error);
    if (!(failure instanceof SimulationFailure)) throw new Error("it held");
    expect(page).toContain(failure.message);
  });

  it("lists every fault and every invariant, and no others", () => {
    const rows = (title: string) => {
      const from = page.indexOf(`## ${title}\n`);
      return page
        .slice(from, page.indexOf("\n## ", from + 1))
        .split("\n")
        .filter((line) => line.startsWith("| `"));
    };
    const kinds = rows("Faults").flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, kind]) => kind));
    expect(kinds).toEqual(faultKinds);
    expect(rows("Invariants")).toEqual(invariants.map(({ name, claim }) => `| \`${name}\` | ${claim} |`));
  });
});
