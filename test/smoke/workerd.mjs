// The built packages inside workerd (the runtime of Cloudflare Workers), bundled as for a worker: two agents over memory there, then one there and one here
// over a relay. Run on Node; workerd comes from npm.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createAgent, createAuthority } from "@tightbeam/core";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { build } from "esbuild";

const folder = mkdtempSync(join(tmpdir(), "tightbeam-workerd-"));
const bundle = await build({
  entryPoints: [fileURLToPath(new URL("worker.mjs", import.meta.url))],
  bundle: true,
  metafile: true,
  format: "esm",
  target: "es2023",
  platform: "browser",
  conditions: ["workerd", "worker", "module"],
  outfile: join(folder, "worker.mjs"),
});
const foreign = Object.keys(bundle.metafile.inputs).filter((path) => /node_modules\/(?:\.pnpm\/)?ws[@/]|wire\/node\./.test(path));
assert.deepEqual(foreign, [], "a worker loads neither ws nor anything for Node");

writeFileSync(
  join(folder, "config.capnp"),
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [(name = "worker.mjs", esModule = embed "worker.mjs")], compatibilityDate = "2026-01-01")),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
);
// A group of its own, so that npx and what it starts end together.
const workerd = spawn("npx", ["-y", "workerd", "serve", join(folder, "config.capnp"), "--control-fd=1"], {
  stdio: ["ignore", "pipe", "inherit"],
  detached: true,
});
process.once("exit", () => {
  rmSync(folder, { recursive: true, force: true });
  try {
    if (workerd.pid !== undefined) process.kill(-workerd.pid, "SIGKILL");
  } catch {
    // Ended already.
  }
});
const port = await new Promise((resolve, reject) => {
  workerd.stdout.setEncoding("utf8").on("data", (line) => {
    const port = /"event":"listen".*"port":(\d+)/.exec(line)?.[1];
    if (port !== undefined) resolve(port);
  });
  workerd.once("error", reject).once("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
});

const expected = { suite: 0x0101, doubled: 200, bytes: 1024 * 1024 };
async function tell(name, request) {
  const answer = await fetch(`http://127.0.0.1:${port}/`, request);
  const said = await answer.text();
  assert.equal(answer.status, 200, said);
  assert.deepEqual(JSON.parse(said), expected);
  console.log(`smoke ${name}: 200 requests and 1 MiB answered, hybrid suite`);
}

await tell("memory, in workerd", {});

const authority = await createAuthority({ issuer: "https://auth.example" });
const relay = await createRelay({ port: 0, trust: authority.trust() });
const identity = await authority.enroll("node");
const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectWebSocket(relay.url, { identity }) });
agent.handle("double", ({ value }) => ({ value: value * 2 }));
agent.handle("echo", (input) => input);
const issuing = createServer(async (request, response) => response.end(await authority.issue(JSON.parse(await text(request)))));
await new Promise((resolve) => issuing.listen(0, "127.0.0.1", resolve));
await tell("websocket, workerd and Node", {
  method: "POST",
  body: JSON.stringify({ url: relay.url, issuer: authority.issuer, issueUrl: `http://127.0.0.1:${issuing.address().port}/`, jwks: authority.jwks() }),
});
await agent.close();
await relay.close();
console.log("smoke: passed on workerd");
process.exit();
