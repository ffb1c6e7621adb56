import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTerminal, type Terminal } from "../process.js";

let terminal: Terminal;
beforeAll(async () => {
  terminal = await createTerminal();
});
afterAll(() => terminal.close());

describe("tightbeam bench", () => {
  it("measures agents of its own, one line each", async () => {
    const { code, stdout, stderr } = await terminal.run(["bench", "--time", "50ms", "--bytes", "100", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { what: string; inFlight: number; bytes: number; operations: number; perSecond: number; p50?: number });
    expect(rows.map(({ what, inFlight, bytes }) => [what, inFlight, bytes])).toEqual([
      ["request and reply", 1, 100],
      ["request and reply", 64, 100],
      ["one way", 0, 100],
    ]);
    for (const { operations, perSecond } of rows) expect(Math.min(operations, perSecond)).toBeGreaterThan(0);
    expect(rows.map(({ p50 }) => typeof p50)).toEqual(["number", "number", "undefined"]);
    const human = await terminal.run(["bench", "--time", "1ms"]);
    expect(human.stdout).toMatch(/^request and reply, one at a time +256 B +[\d,]+ \/s {3}p50 .* ms\n/);
  });

  it.each([
    ["--bytes", "-1", "It is a whole number from 0 to 16777216."],
    ["--time", "soon", "A time looks like 500ms, 30s, 5m or 2h."],
  ])("refuses %s %s", async (option, value, message) => {
    const { code, stdout, stderr } = await terminal.run(["bench", option, value]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("of another agent needs to know who asks", async () => {
    const { code, stderr } = await terminal.run(["bench", "alice", "--url", "ws://127.0.0.1:1"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Which agent is this?");
  });
});
