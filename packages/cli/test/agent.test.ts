import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSecret, trust } from "@tightbeam/core/identity";
import { systemRuntime } from "@tightbeam/core/runtime";
import { createRelay } from "@tightbeam/websocket/relay";
import { expect, it } from "vitest";
import { run } from "../src/main.js";
import { createMemoryIo } from "./memory-io.js";

/** What stands before the relay lets the login through and nothing that comes after it. */
function holdingBack(port: () => number, sockets: Set<Socket>): Server {
  return createServer((client) => {
    const relay = connect(port(), "127.0.0.1");
    for (const socket of [client, relay]) sockets.add(socket.on("error", () => undefined));
    let said = 0;
    let letIn = false;
    client.on("data", (chunk) => {
      if (!letIn) relay.write(chunk);
      said += 1;
    });
    relay.on("data", (chunk) => {
      // First the upgrade, then the login.
      letIn ||= said > 1;
      client.write(chunk);
    });
    client.on("close", () => relay.destroy());
    relay.on("close", () => client.destroy());
  });
}

it("a command whose agent is let in and cannot listen ends, and says so", async () => {
  const secret = generateSecret();
  const sockets = new Set<Socket>();
  const before = holdingBack(() => relay.port, sockets);
  await new Promise<void>((resolve) => before.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(before.address() as AddressInfo).port}`;
  const relay = await createRelay({ port: 0, trust: trust.everyoneWithSecret(secret), origins: [url] });
  const cwd = mkdtempSync(join(tmpdir(), "tightbeam-join-"));
  writeFileSync(join(cwd, "team.secret"), `${Buffer.from(secret).toString("base64url")}\n`, { mode: 0o600 });
  const machine = systemRuntime();
  const after: typeof machine.timers.after = (ms, ...rest) => machine.timers.after(ms === 30_000 ? 500 : ms, ...rest);
  try {
    const { io, stderr } = createMemoryIo({ cwd, runtime: { ...machine, timers: { ...machine.timers, after } } });
    expect(await run(["listen", "echo", "--id", "bob", "--shared-secret-file", "team.secret", "--url", url], io)).toBe(3);
    expect(stderr()).toMatch(/^error: This agent was let in, and could not listen at its addresses within 30 s\.\n/);
  } finally {
    for (const socket of sockets) socket.destroy();
    before.close();
    await relay.close();
    rmSync(cwd, { recursive: true, force: true });
  }
});
