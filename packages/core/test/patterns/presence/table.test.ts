import { describe, expect, it } from "vitest";
import * as limits from "../../../src/limits.js";
import { createHeardTable } from "../../../src/patterns/presence/table.js";

const stranger = { link: undefined, dialling: false };
const peer = { link: {}, dialling: false };
const dialled = { link: undefined, dialling: true };

describe("who was heard of", () => {
  it("TM-133: is at most so many; the oldest stranger goes, never a peer or who is being dialled", () => {
    const table = createHeardTable(limits.hintsKept);
    table.add("peer", peer);
    table.add("dialled", dialled);
    for (let n = 0; n < 3 * limits.hintsKept; n++) expect(table.add(`stranger-${n}`, stranger)).toBe(true);
    expect(table.size).toBe(limits.hintsKept);
    expect([table.get("peer"), table.get("dialled")]).toEqual([peer, dialled]);
    expect(table.get("stranger-0")).toBeUndefined();
    expect(table.get(`stranger-${3 * limits.hintsKept - 1}`)).toBe(stranger);
  });

  it("takes nobody more when all stay", () => {
    const table = createHeardTable(2);
    table.add("a", peer);
    table.add("b", dialled);
    expect(table.add("c", stranger)).toBe(false);
    expect([...table].map(([name]) => name)).toEqual(["a", "b"]);
    table.remove("a");
    expect(table.add("c", stranger)).toBe(true);
  });
});
