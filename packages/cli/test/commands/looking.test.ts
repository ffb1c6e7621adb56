import { cpSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Agent, createAgent, stream } from "@tightbeam/core";
import { generateSecret, identityFromSecret, trust } from "@tightbeam/core/identity";
import { createTracer, createTraceStore } from "@tightbeam/core/observability";
import { serveInspection } from "@tightbeam/inspector";
import { openLmdbStore } from "@tightbeam/store-lmdb";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay, type Relay } from "@tightbeam/websocket/relay";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensurePage } from "../../../../scripts/build-page.mjs";
import { createTerminal, type Terminal } from "../process.js";

let terminal: Terminal;
let relay: Relay;
let alice: Agent;
let bob: Agent;
let mended = false;
const secret = generateSecret();
const storeKey = generateSecret();
const everyone = trust.everyoneWithSecret(secret);
const text = (bytes: Uint8Array): string => `${Buffer.from(bytes).toString("base64url")}\n`;

const join_ = async (id: string, more: object = {}): Promise<Agent> => {
  const identity = await identityFromSecret({ id, secret });
  return createAgent({ identity, trust: everyone, transport: await connectWebSocket(relay.url, { identity }), ...more });
};

/** Bob tells Alice something that fails there. */
const fails = (number: number): Promise<unknown> => bob.notify("alice", "invoice", { number }, { confirm: "done" }).catch((error: unknown) => error);

beforeAll(async () => {
  terminal = await createTerminal();
  // Where the inspector looks for its page from within the one file that the terminal runs.
  await ensurePage();
  cpSync(fileURLToPath(new URL("../../../inspector/dist/page", import.meta.url)), join(dirname(terminal.bin), "../../dist/page"), { recursive: true });
  relay = await createRelay({ port: 0, trust: everyone });
  writeFileSync(join(terminal.place, "team.secret"), text(secret), { mode: 0o600 });
  writeFileSync(join(terminal.place, "store.key"), text(storeKey), { mode: 0o600 });
  writeFileSync(join(terminal.place, "tightbeam.json"), JSON.stringify({ id: "ops", url: relay.url, sharedSecret: "team.secret" }));
  alice = await join_("alice", { deadLetters: {} });
  bob = await join_("bob");
  alice.handle("echo", (input) => input);
  alice.handle("invoice", () => {
    if (!mended) throw new TypeError("secret-payload");
  });
  serveInspection(alice, { allow: ["ops"], actions: true });
});
afterAll(async () => {
  terminal.close();
  await Promise.all([alice.close(), bob.close()]);
  await relay.close();
});

const run = async (...args: string[]) => {
  const { code, stdout, stderr } = await terminal.run(args);
  const lines = stdout.trim() === "" ? [] : stdout.trim().split("\n");
  return { code, stderr, stdout, documents: args.includes("--json") ? lines.map((line) => JSON.parse(line) as Record<string, unknown>) : [] };
};

describe("tightbeam dlq", () => {
  it("TM-251 lists and shows the letters of an agent that runs, and nothing of what was in them", async () => {
    mended = false;
    await fails(17);
    await fails(18);
    const listed = await run("dlq", "list", "--of", "alice", "--json");
    expect(listed.code).toBe(0);
    expect(listed.documents).toMatchObject([
      { type: "letter", reason: "handler_failed", peer: "bob", method: "invoice", attempts: 1 },
      { type: "letter", reason: "handler_failed", peer: "bob", method: "invoice", attempts: 1 },
    ]);
    expect(listed.stdout).not.toMatch(/secret-payload|"number"/);
    const [, oldest] = listed.documents as [{ id: string }, { id: string }];
    const [other, shown] = await Promise.all([
      run("dlq", "list", "--of", "alice", "--method", "other", "--json"),
      run("dlq", "show", oldest.id, "--of", "alice"),
    ]);
    expect(other.documents).toEqual([]);
    expect(shown.stdout).toMatch(/handler_failed +from bob {2}invoice {2}1 try\n {2}cause +/);
  }, 60_000);

  it("TM-251 tries letters of an agent that runs again, and discards them", async () => {
    const [newest, oldest] = (await alice.deadLetters.list()).letters;
    if (newest === undefined || oldest === undefined) throw new Error("The letters of the test before are not there.");
    const still = await run("dlq", "replay", oldest.id, "--of", "alice", "--json");
    expect(still).toMatchObject({ code: 1, documents: [{ id: oldest.id, replayed: false, error: { code: "handler_failed" } }] });
    mended = true;
    const again = await run("dlq", "replay", "--all", "--method", "invoice", "--of", "alice");
    expect(again.code).toBe(0);
    expect(again.stdout.split("\n").sort()).toEqual(["", `${newest.id} handled`, `${oldest.id} handled`].sort());
    mended = false;
    await fails(19);
    expect(await run("dlq", "discard", "--all", "--of", "alice", "--json")).toMatchObject({ code: 0, documents: [{ discarded: 1 }] });
    expect(await run("dlq", "list", "--of", "alice", "--json")).toMatchObject({ code: 0, documents: [] });
  }, 60_000);

  it("asks which letters, and says when there is none of an id", async () => {
    const [neither, none, store, reason] = await Promise.all([
      run("dlq", "replay", "--of", "alice"),
      run("dlq", "show", "0123456789ab", "--of", "alice"),
      run("dlq", "list"),
      run("dlq", "list", "--reason", "boredom", "--of", "alice"),
    ]);
    expect(neither).toMatchObject({ code: 2, stdout: "" });
    expect(neither.stderr).toContain("Which letters?\n  Give one id, or --all");
    expect(none.code).not.toBe(0);
    expect(none.stdout).toBe("");
    expect(store.stderr).toContain("This needs a store, and there is none.");
    expect(reason.code).toBe(2);
  }, 60_000);

  it("TM-248 is not led on by an agent that lies: pages without end, times that are none, escape sequences", async () => {
    const mallory = await join_("mallory");
    const { id, instance } = mallory;
    const key = `${id}/${instance}`;
    const view = { key, id, instance, watched: "local", state: "up" };
    mallory.handle(stream("inspection"), async function* (_, { signal }) {
      yield { at: 1, agent: view, links: [], gone: [], messages: [], dropped: 0, breakers: [], security: [], events: [] };
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    });
    const letter = {
      agent: key,
      reason: "timeout",
      side: "sender",
      peer: "bob",
      method: "m",
      priority: "normal",
      attempts: 1,
      firstAt: 1,
      lastAt: 1,
      bytes: 1,
      kept: true,
    };
    let says: object = { letters: [], next: "again" };
    mallory.handle("inspection.ask", (asked) => ((asked as { name: string }).name === "replay" ? { replayed: true } : says));
    expect(await run("dlq", "list", "--of", "mallory")).toMatchObject({ code: 0, stdout: "", stderr: "No letters.\n" });
    says = { letters: [{ ...letter, id: "1", cause: "", lastAt: 1e300 }] };
    expect(await run("dlq", "list", "--of", "mallory")).toMatchObject({ code: 11, stdout: "" });
    says = { letters: [{ ...letter, id: "\u001b[2J\nall is well", cause: "" }] };
    const replayed = await run("dlq", "replay", "--of", "mallory", "--all");
    expect(replayed.stdout).toBe("\\u001b[2J\\nall is well handled\n");
    await mallory.close();
  }, 60_000);

  it("TM-251 is refused by an agent that does not let it look", async () => {
    const [{ code, stderr, stdout }, stranger] = await Promise.all([
      run("dlq", "list", "--of", "bob", "--json"),
      run("dlq", "list", "--of", "alice", "--id", "stranger", "--json"),
    ]);
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "no_handler" } });
    expect(JSON.parse(stranger.stderr)).toMatchObject({ error: { code: "forbidden" } });
  }, 60_000);

  it("lists the letters in the store of an agent that does not run", async () => {
    const path = join(terminal.place, "carol-state");
    const carol = await join_("carol", { store: await openLmdbStore({ path }), storeKey });
    carol.handle("invoice", () => {
      throw new TypeError("no");
    });
    await bob.notify("carol", "invoice", 1, { confirm: "done" }).catch(() => undefined);
    await carol.close();
    const { code, documents } = await run("dlq", "list", "--id", "carol", "--store", path, "--store-key-file", "store.key", "--json");
    expect({ code, documents }).toMatchObject({ code: 0, documents: [{ reason: "handler_failed", peer: "bob" }] });
    // Nothing handles it here: it is not tried, and keeps its reason.
    const replayed = await run("dlq", "replay", "--all", "--id", "carol", "--store", path, "--store-key-file", "store.key");
    expect(replayed).toMatchObject({ code: 1, stdout: expect.stringContaining("only the agent's own program handles it") });
    const after = await run("dlq", "list", "--id", "carol", "--store", path, "--store-key-file", "store.key", "--json");
    expect(after.documents).toEqual(documents);
  }, 60_000);
});

describe("tightbeam inspect", () => {
  it("serves the page at a URL with its token, and shows the agent", async () => {
    const inspecting = terminal.start(["inspect", "alice", "--json"]);
    const [, url = ""] = await inspecting.expect(/"url":"([^"]+)"/);
    const { origin, hash } = new URL(url);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[0-9a-f]{64}$/);
    const page = await fetch(`${origin}/`);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await fetch(`${origin}/api/letters?agent=x`)).status).toBe(401);
    expect(hash).toHaveLength("#token=".length + 64);
    expect(await inspecting.stop("SIGINT")).toMatchObject({ code: 0 });
  }, 60_000);

  it("says which agent is not seen, and why; and that it needs one", async () => {
    const inspecting = terminal.start(["inspect", "bob"]);
    await inspecting.expect(
      /^warning: bob is not seen: bob lets nobody look at it\. In its program: serveInspection\(agent, \{ allow: \["ops"\] \}\)/m,
      "stderr",
    );
    const none = terminal.start(["inspect", "nobody"]);
    await none.expect(/^http/);
    // What ends because it was asked to is no failure.
    for (const each of [inspecting, none]) expect((await each.stop()).stderr).not.toContain("cancelled");
    expect((await run("inspect")).code).toBe(2);
  }, 60_000);
});

describe("tightbeam trace", () => {
  it("watches messages come to their end", async () => {
    const watching = terminal.start(["trace", "watch", "alice", "--count", "1", "--json"]);
    let more = true;
    const asking = (async () => {
      while (more) {
        await bob.request("alice", "echo", "hidden");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const { code, stdout } = await watching.ended;
    more = false;
    await asking;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ agent: "alice", direction: "received" });
    expect(stdout).not.toContain("hidden");
  }, 60_000);

  it("shows what a trace store has kept: a list, a tree, figures", async () => {
    const path = join(terminal.place, "traces");
    const traces = await createTraceStore({ store: await openLmdbStore({ path }), storeKey });
    const traced = await join_("traced", { tracer: createTracer() });
    const end = traces.watch(traced);
    await traced.request("alice", "echo", "hidden");
    await traced.request("alice", "nothing").catch(() => undefined);
    end();
    await traces.close();
    await traced.close();
    const at = ["--store", path, "--store-key-file", "store.key"];
    // One after the other: a store has one user.
    const listed = await run("trace", "list", "--json", ...at);
    expect(listed.documents).toHaveLength(2);
    const failed = await run("trace", "list", "--failed", "--json", ...at);
    expect(failed.documents).toMatchObject([{ status: "failed", failed: 1 }]);
    const { traceId } = (listed.documents as { traceId: string; status: string }[]).find(({ status }) => status === "completed") ?? { traceId: "" };
    const tree = await run("trace", "show", traceId, ...at);
    expect(tree.stdout).toMatch(new RegExp(`^${traceId} {2}completed\\n {2}.* traced → alice {2}request echo`));
    expect(tree.stdout).toMatch(/\n {4}queued \+\d+ {2}sealed \+\d+/);
    expect(tree.stdout).not.toContain("hidden");
    expect((await run("trace", "stats", "--json", ...at)).documents).toMatchObject([{ total: 2, failed: 1 }]);
    const none = await run("trace", "show", "f".repeat(32), ...at);
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain("There is no such trace in this store.");
    expect((await run("trace", "list")).stderr).toContain("Where are the traces?");
  }, 60_000);
});
