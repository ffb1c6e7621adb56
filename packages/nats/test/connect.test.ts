import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { createBackoff } from "../src/backoff.js";
import { describe as describeCause } from "../src/causes.js";
import { connectNats, type NatsServerOptions } from "../src/index.js";
import { parseServers } from "../src/servers.js";
import { errorOf } from "./fixture.js";

describe("servers", () => {
  it("are hosts, nats:// or tls://, with the port of NATS where none is given", () => {
    expect(parseServers(["127.0.0.1", "nats://host.example:1", "[::1]:4223", "tls://a-b.example/"])).toEqual({
      urls: ["nats://127.0.0.1:4222", "nats://host.example:1", "nats://[::1]:4223", "tls://a-b.example:4222"],
      secure: true,
    });
    expect(parseServers("localhost").secure).toBe(false);
  });

  it.each([
    ["nats://user:s3cret@host", "holds no user"],
    ["ws://host", "wsconnect"],
    ["wss://host:443", "wsconnect"],
    ["http://host", "looks like"],
    ["nats://", "looks like"],
    ["", "looks like"],
    ["host:70000", "looks like"],
    ["host:4222/path", "looks like"],
    ["host:4222?tls=no", "looks like"],
    ["host\r\nPING", "looks like"],
    ["ho st", "looks like"],
  ])("are refused when they are %j, without repeating them", async (server, says) => {
    const error = await errorOf(connectNats({ servers: server }));
    expect([error.code, error.message]).toEqual(["invalid_argument", expect.stringContaining(says)]);
    expect(error.message).not.toContain("s3cret");
    expect((await errorOf(connectNats({ servers: ["nats://127.0.0.1:1", server] }))).code).toBe("invalid_argument");
  });

  it.each([
    { servers: [] },
    { servers: [7] },
    { connectTimeout: 0 },
    { inboxBytes: 1024 },
    { highWaterBytes: 0.5 },
    { maxFrameBytes: 20_000 },
    { reconnect: { minMs: -1 } },
    { server: "nats://127.0.0.1:1" },
    { prefx: "acme" },
    { reconnect: { min: 1 } },
    { tls: { rejectUnauthorized: false } },
    { closeConnection: true },
  ])("and options are refused when they are %j", async (options) => {
    expect((await errorOf(connectNats(options as NatsServerOptions))).code).toBe("invalid_argument");
  });
});

describe("pauses between two tries", () => {
  it("grow up to their bound, are jittered, hold still while they are read, and start again", () => {
    const backoff = createBackoff(createVirtualRuntime({ seed: 1 }).random, 100, 1_000);
    const bounds = Array.from({ length: 12 }, () => {
      const delays = Array.from({ length: 200 }, () => {
        expect(backoff.delay).toBe(backoff.delay);
        const { delay } = backoff;
        return delay;
      });
      backoff.failed();
      return Math.max(...delays);
    });
    expect(bounds.every((bound) => bound <= 1_000)).toBe(true);
    expect(new Set(bounds).size).toBe(12);
    expect(Math.max(...bounds)).toBeGreaterThan(400);
    backoff.reset();
    expect(backoff.delay).toBeLessThan(100);
  });
});

describe("what an error of a client amounts to", () => {
  const coded = (code: string, message = "x"): Error => Object.assign(new Error(message), { code });
  it.each([
    [new Error("'Authorization Violation'"), "denied"],
    [coded("AUTHENTICATION_EXPIRED"), "denied"],
    [new Error("maximum connections exceeded"), "unavailable"],
    [new Error("wrapped", { cause: coded("ECONNREFUSED") }), "unavailable"],
    [Object.assign(new Error("wrapped"), { chainedError: coded("ENOTFOUND") }), "unavailable"],
    [coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "failed"],
    [coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"), "denied"],
    [new Error("something new"), "failed"],
    ["no error at all", "failed"],
    [undefined, "failed"],
  ])("%s: %s", (error, code) => {
    expect(describeCause(error, "Could not connect", "failed").code).toBe(code);
  });
});

describe("what is registered for the whole process", () => {
  it("is nothing: the client that does so is loaded when servers are asked for, not before", () => {
    const program = `
      import { createRequire } from "node:module";
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((path) => /nats-io|nats-core/.test(path)).length;
      const { connectNats } = await import("@tightbeam/nats");
      const imported = loaded();
      await connectNats({ servers: "nats://127.0.0.1:1", connectTimeout: 1_000 }).catch(() => undefined);
      console.log(JSON.stringify({ imported, dialled: loaded() > 0 }));`;
    const { stdout } = spawnSync(process.execPath, ["--import", "tsx", "--conditions=@tightbeam/source", "--input-type=module", "-e", program], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    expect(JSON.parse(stdout)).toEqual({ imported: 0, dialled: true });
  });
});

describe("a bundle for browsers", () => {
  it.each(["browser", "workerd"])("holds no client and no module of Node (%s)", async (condition) => {
    const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url));
    const { metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "browser",
      conditions: ["@tightbeam/source", condition],
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((path) => /nats-io|node_modules\/.*nats|client\/node/.test(path))).toEqual([]);
    expect(inputs).toContainEqual(expect.stringContaining("client/none.ts"));
  });

  it("says what to do instead when it is asked for servers", async () => {
    const { openConnection } = await import("../src/client/none.js");
    await expect(openConnection({} as never)).rejects.toMatchObject({ code: "unsupported", message: expect.stringContaining("pass the connection") });
  });
});
