import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { examples } from "../examples/programs/list.js";
import { transportNames } from "../examples/programs/place.js";
import { needNatsServer } from "../packages/nats/test/broker.js";

const root = fileURLToPath(new URL("..", import.meta.url));

function run(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
  const child = spawn(process.execPath, ["scripts/example.mjs", ...args], { cwd: root, env: { ...process.env, NODE_OPTIONS: "" } });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output, errors })));
}

describe.each(transportNames)("examples over %s", (transport) => {
  test.for(examples.map(({ name }) => name))("%s does what it says", { timeout: 60_000 }, async (name, context) => {
    if (transport === "nats") needNatsServer(context);
    const { code, output, errors } = await run([name, "--transport", transport]);
    expect({ code, errors }, output).toEqual({ code: 0, errors: "" });
    expect(output).toContain("It did what it says.");
  });
});

describe("the command", () => {
  test("without a name says which there are", async () => {
    const { code, output } = await run([]);
    expect(code).toBe(0);
    for (const { name, about } of examples) expect(output).toContain(`${name.padEnd(15)} ${about}`);
  });

  test.each([
    [["no-such"], "Name one example"],
    [["request-reply", "--transport", "pigeon"], "'pigeon' is no transport; choose memory, websocket, nats."],
    [["request-reply", "--speed", "9"], "Unknown option '--speed'"],
  ])("refuses %j plainly", async (args, sentence) => {
    const { code, errors } = await run(args);
    expect(code).toBe(2);
    expect(errors).toContain(sentence);
    expect(errors).not.toContain("    at ");
  });
});
