import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "../../src/relay/command.js";
import type { Relay } from "../../src/relay/index.js";
import { createFixture, errorOf, type Fixture } from "../fixture.js";

const token = "the-token-of-the-environment";
const fromFile = "another-token-from-a-file";
const environment = { TIGHTBEAM_MONITORING_TOKEN: token };
let fixture: Fixture;
let folder: string;
let trusted: readonly string[];
beforeEach(async () => {
  fixture = await createFixture();
  folder = await mkdtemp(join(tmpdir(), "tightbeam-"));
  await writeFile(join(folder, "jwks.json"), JSON.stringify(fixture.authority.jwks()));
  trusted = ["relay", "--jwks", join(folder, "jwks.json"), "--issuer", fixture.authority.issuer, "--port", "0"];
});
afterEach(() => fixture.close());

async function run(args: readonly string[], given?: Readonly<Record<string, string>>): Promise<Relay> {
  const result = await runCommand([...trusted, ...args], given);
  if ("help" in result) throw new Error("only help");
  return fixture.closeLater(result.relay);
}

const statusFor = async ({ monitoringUrl }: Relay, shown?: string): Promise<number> =>
  (await fetch(`${monitoringUrl}/health`, shown === undefined ? {} : { headers: { authorization: `Bearer ${shown}` } })).status;

describe("the relay's command and its monitoring", () => {
  it("is off by default", async () => expect((await run([], environment)).monitoringUrl).toBeUndefined());

  it("takes the token from the environment, or from a file before it", async () => {
    await writeFile(join(folder, "token"), `${fromFile}\n`);
    expect(await statusFor(await run(["--monitoring-port", "0"]))).toBe(200);
    expect(await statusFor(await run(["--monitoring-port", "0"], { TIGHTBEAM_MONITORING_TOKEN: "" }))).toBe(200);
    const inEnvironment = await run(["--monitoring-port", "0"], environment);
    expect([await statusFor(inEnvironment), await statusFor(inEnvironment, fromFile), await statusFor(inEnvironment, token)]).toEqual([401, 401, 200]);
    const inFile = await run(["--monitoring-port", "0", "--monitoring-token-file", join(folder, "token")], environment);
    expect([await statusFor(inFile, token), await statusFor(inFile, fromFile)]).toEqual([401, 200]);
    const everywhere = await run(["--monitoring-port", "0", "--monitoring-host", "0.0.0.0"], environment);
    expect(await fetch(`http://127.0.0.1:${new URL(everywhere.monitoringUrl ?? "").port}/health`)).toMatchObject({ status: 401 });
  });

  const wrong: readonly [title: string, args: readonly string[], message: RegExp][] = [
    ["[TM-222] other hosts without a token", ["--monitoring-port", "0", "--monitoring-host", "0.0.0.0"], /give a `token`/],
    ["a host without a port", ["--monitoring-host", "0.0.0.0"], /give --monitoring-port/],
    ["a file without a port", ["--monitoring-token-file", "/nowhere"], /give --monitoring-port/],
    ["a port that is none", ["--monitoring-port", "x"], /--monitoring-port is a whole number/],
    ["a file that is not there", ["--monitoring-port", "0", "--monitoring-token-file", "/nowhere/token"], /cannot be read \(ENOENT\)/],
    ["a file that is empty", ["--monitoring-port", "0", "--monitoring-token-file", "/dev/null"], /is empty/],
    ["a token as an argument", ["--monitoring-port", "0", "--monitoring-token", token], /--monitoring-token/],
  ];
  it.each(wrong)("refuses %s", async (_title, args, message) => {
    const error = await errorOf(runCommand([...trusted, ...args]));
    expect([error.code, error.message]).toEqual(["invalid_argument", expect.stringMatching(message)]);
    expect(error.message).not.toContain(token);
  });

  it("refuses a token that is too short, without saying it", async () => {
    const error = await errorOf(runCommand([...trusted, "--monitoring-port", "0"], { TIGHTBEAM_MONITORING_TOKEN: "hunter2" }));
    expect([error.code, error.message.includes("hunter2")]).toEqual(["invalid_argument", false]);
  });
});
