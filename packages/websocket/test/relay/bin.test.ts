import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAuthority } from "@tightbeam/core/identity";
import { address } from "@tightbeam/core/transport";
import { afterEach, describe, expect, it } from "vitest";
import { connectWebSocket } from "../../src/index.js";
import { bytes, text, until } from "../fixture.js";

const bin = fileURLToPath(new URL("../../src/relay/bin.ts", import.meta.url));
const root = fileURLToPath(new URL("../../../../", import.meta.url));
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

function start(...args: string[]) {
  return startWith({}, ...args);
}

function startWith(environment: Readonly<Record<string, string>>, ...args: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@tightbeam/source", bin, ...args], {
    cwd: root,
    env: { ...process.env, ...environment },
  });
  running.push(child);
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.err += chunk;
  });
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, output, exit };
}

async function authorityWithFile() {
  const authority = await createAuthority({ issuer: "https://auth.test" });
  const file = join(await mkdtemp(join(tmpdir(), "tightbeam-")), "jwks.json");
  await writeFile(file, JSON.stringify(authority.jwks()));
  return { authority, file };
}

describe("the relay as a command", () => {
  it("shows its help", async () => {
    const { output, exit } = start("--help");
    expect(await exit).toBe(0);
    expect(output.out).toContain("--jwks <file|url>");
    expect(output.err).toBe("");
  });

  const wrong: [title: string, args: string[], message: RegExp][] = [
    ["no command", [], /command is missing/],
    ["an unknown command", ["serve"], /'serve' is no command/],
    ["an unknown option", ["relay", "--prot", "1"], /--prot/],
    ["no trust", ["relay"], /--jwks and --issuer/],
    ["a port that is none", ["relay", "--jwks", "x", "--issuer", "y", "--port", "70000"], /--port is a whole number/],
    ["a file that is not there", ["relay", "--jwks", "/nowhere/jwks.json", "--issuer", "y"], /cannot be read \(ENOENT\)/],
    ["a public host without origin", ["relay", "--jwks", "x", "--issuer", "y", "--host", "0.0.0.0"], /give --origin/],
    ["a file that is not JSON", ["relay", "--jwks", fileURLToPath(import.meta.url), "--issuer", "y"], /not JSON/],
  ];
  it.each(wrong)("refuses %s with exit code 2 and says what to do", async (_title, args, message) => {
    const { output, exit } = start(...args);
    expect(await exit).toBe(2);
    expect(output.err).toMatch(message);
    expect(output.err).toContain("--help");
    expect(output.err).not.toContain("    at ");
  });

  it("relays between two agents until SIGTERM", async () => {
    const { authority, file } = await authorityWithFile();
    const { child, output, exit } = start("relay", "--jwks", file, "--issuer", authority.issuer, "--port", "0");
    await until(() => output.out.includes("\n"), "the line that says where it listens", 15_000);
    const url = /ws:\/\/127\.0\.0\.1:\d+\//.exec(output.out)?.[0] as string;
    const [alice, bob] = [
      await connectWebSocket(url, { identity: await authority.enroll("alice") }),
      await connectWebSocket(url, { identity: await authority.enroll("bob") }),
    ];
    const got: string[] = [];
    const at = address("inbox", "alice", alice.instance);
    await alice.subscribe(at, (frame) => void got.push(text(frame)));
    await bob.send(at, bytes("hello"));
    await until(() => got.length > 0, "a frame through the command");
    expect(got).toEqual(["hello"]);
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    await Promise.all([alice.close(), bob.close()]);
  });

  it("is monitored, with a token that is in its environment and in nothing that it says", async () => {
    const { authority, file } = await authorityWithFile();
    const token = "the-token-of-the-environment";
    const { output } = startWith(
      { TIGHTBEAM_MONITORING_TOKEN: token },
      ...["relay", "--jwks", file, "--issuer", authority.issuer, "--port", "0", "--monitoring-port", "0"],
    );
    await until(() => output.out.includes("monitoring on"), "the line that says where it is monitored", 15_000);
    const url = /monitoring on (\S+)/.exec(output.out)?.[1] as string;
    const metrics = (shown: string) => fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${shown}` } });
    expect((await metrics("another-token-of-22-characters")).status).toBe(401);
    expect(await (await metrics(token)).text()).toContain("tightbeam_relay_sockets 0");
    expect(output.out + output.err).not.toContain(token);
  });

  it("exits with 1 when the port is taken", async () => {
    const { authority, file } = await authorityWithFile();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const { output, exit } = start("relay", "--jwks", file, "--issuer", authority.issuer, "--port", String(port));
    expect(await exit).toBe(1);
    expect(output.err).toMatch(/another program listens there/);
    taken.close();
  });
});
