import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../examples/replicas/main.js";
import { countShares } from "../../examples/replicas/shares.js";
import { judge } from "../../examples/replicas/verdict.js";
import { withNatsServer } from "../../packages/nats/test/broker.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const running = new Set<ChildProcess>();

let place = "";
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "tightbeam-replicas-test-"));
});
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
  rmSync(place, { recursive: true, force: true });
});

function run(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
  const child = spawn(process.execPath, ["scripts/replicas.mjs", ...args], { cwd: root, env: { ...process.env, NODE_OPTIONS: "", TMPDIR: place } });
  running.add(child);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output, errors })));
}

async function showsIt(transport: string): Promise<void> {
  const { code, output, errors } = await run(["--transport", transport]);
  expect(errors).toBe("");
  expect(output).toMatch(/^ {2}lost +0$/m);
  expect(output).toMatch(/^ {2}doubled +0$/m);
  expect(output).toMatch(/^ {2}after [\d,.]+ ms it is suspect/m);
  expect(output.match(/ dead$/gm)).toHaveLength(2);
  expect(output).toMatch(/worker 5 .*█/);
  expect(output.trim().split("\n").at(-1)).toMatch(/^Every request settled once/);
  expect(code).toBe(0);
  expect(output.split("\n").filter((line) => line.length > 80)).toEqual([]);
  expect(output).not.toContain("\x1b");
  // Nothing is left behind: neither bundles nor processes.
  expect(readdirSync(place)).toEqual([]);
  for (const pid of new Set(output.match(/(?<=worker \d {2})\d+/g) ?? [])) expect(() => process.kill(Number(pid), 0)).toThrow();
}

describe("npm run replicas", () => {
  it("loses and doubles nothing over a relay, and leaves nothing behind", { timeout: 80_000 }, () => showsIt("websocket"));
  withNatsServer("over NATS", () => {
    it("loses and doubles nothing over a nats-server, and leaves nothing behind", { timeout: 80_000 }, () => showsIt("nats"));
  });

  it.each([
    [["--transport", "pigeon"], "invalid_argument: 'pigeon' is no transport of this example; choose websocket or nats."],
    [["--speed"], "invalid_argument: Unknown option '--speed'."],
  ])("refuses %j", async (args, message) => {
    const ended = await run(args);
    expect(ended.errors).toContain(message);
    expect(ended).toMatchObject({ code: 2, output: "" });
  });

  it("says what to install where there is no nats-server", async () => {
    const errors: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = ((text: string) => errors.push(text) > 0) as typeof write;
    try {
      const natsServer = () => ({ reason: "nobody may install it", install: "install nats-server" });
      expect(await main(["--transport", "nats"], { worker: "", broker: "", natsServer })).toBe(2);
    } finally {
      process.stderr.write = write;
    }
    expect(errors.join("")).toContain("unavailable: Replicas over NATS need a nats-server (nobody may install it): install nats-server.");
  });

  it("explains itself", async () => {
    expect(await run(["--help"])).toMatchObject({ code: 0, output: expect.stringContaining("--transport websocket|nats"), errors: "" });
  });
});

describe("the example's verdict", () => {
  const outcome = { at: 0, ms: 1, pid: 1, failed: undefined };
  const outcomes = [
    { ...outcome, n: 0, kind: "charge" },
    { ...outcome, n: 1, kind: "keyed" },
    { ...outcome, n: 2, kind: "charge", pid: undefined, failed: "delivery_unknown" },
    { ...outcome, n: 3, kind: "resize", pid: 2, at: 10 },
  ] as const;
  const runs = (charges: readonly number[], resizes = [1]) => {
    const map = (times: readonly number[], from: number) => new Map(times.map((each, index) => [index + from, each]));
    return (method: string) => (method === "charge" ? map(charges, 0) : map(resizes, 3));
  };

  it("passes what is right: a key or a contract allows a second run", () => {
    expect(judge({ outcomes, asked: 4, mixedUp: 0 }, runs([1, 2, 1], [2]))).toEqual({ asked: 4, answered: 3, unknown: 1, lost: 0, doubled: 0, faults: [] });
  });
  it.each([
    ["an outcome that is missing", { outcomes, asked: 5, mixedUp: 0 }, runs([1, 1, 0]), { lost: 1 }],
    ["an answer that belongs to another", { outcomes, asked: 4, mixedUp: 1 }, runs([1, 1, 0]), { lost: 1 }],
    ["an answer that nobody worked for", { outcomes, asked: 4, mixedUp: 0 }, runs([0, 1, 0]), { lost: 1 }],
    ["a charge that ran twice", { outcomes, asked: 4, mixedUp: 0 }, runs([2, 1, 0]), { doubled: 1 }],
    ["a charge of unknown outcome that ran twice", { outcomes, asked: 4, mixedUp: 0 }, runs([1, 1, 2]), { doubled: 1 }],
  ])("finds %s", (_, load, record, expected) => {
    const verdict = judge(load, record);
    expect(verdict).toMatchObject(expected);
    expect(verdict.faults).toHaveLength(1);
  });
  it("finds a request that failed although it might have been sent again", () => {
    const failed = [{ ...outcome, n: 0, kind: "keyed", pid: undefined, failed: "delivery_unknown" }] as const;
    expect(judge({ outcomes: failed, asked: 1, mixedUp: 0 }, runs([1])).faults).toEqual(["Request 0 (keyed) failed with delivery_unknown."]);
  });
  it("counts shares by who answered, in a stretch of time", () => {
    expect([...countShares(outcomes, 0, 10)]).toEqual([[1, 2]]);
    expect([...countShares(outcomes, 0, 11)]).toEqual([
      [1, 2],
      [2, 1],
    ]);
  });
});
