import { existsSync } from "node:fs";
import { type Agent, createAgent, createAuthority, method } from "@tightbeam/core";
import { connectWebSocket } from "@tightbeam/websocket";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { createMortalRelay } from "../../packages/websocket/test/fixture.js";
import { bundlePage } from "./bundle.js";
import { chromiumMissing, chromiumPath, launchChromium } from "./chromium.js";
import type { JoinOptions, PageApi, TokenRequest, TokenSource } from "./page.js";
import { createSite } from "./site.js";

const { script, metafile } = await bundlePage();

describe("what a page loads", () => {
  test("is for browsers: no ws, no module of Node, nothing left outside", () => {
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((path) => /node_modules\/(?:\.pnpm\/)?(?:ws|bufferutil)[@/]/.test(path))).toEqual([]);
    expect(inputs.filter((path) => /websocket\/src\/wire\/(?:node|ws|errors)\.ts$/.test(path))).toEqual([]);
    expect(inputs).toContain("packages/websocket/src/wire/web.ts");
    expect(inputs.filter((path) => path.includes("websocket/src/relay/"))).toEqual([]);
    const imports = [...Object.values(metafile.inputs), ...Object.values(metafile.outputs)].flatMap((file) => file.imports);
    expect(imports.filter(({ path, external }) => external === true || path.startsWith("node:")).map(({ path }) => path)).toEqual([]);
    expect(script).not.toMatch(/\bfrom\s*["']node:|\brequire\(["']node:/);
  });
});

const add = method("add", { input: z.object({ a: z.number(), b: z.number() }), output: z.object({ sum: z.number() }) });
const greet = method("greet", { input: z.object({ name: z.string() }), output: z.object({ greeting: z.string() }) });

/** What chromium itself writes when a socket cannot be opened; no page can prevent it. */
const refusedSocket = /WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/' failed/;

const installable = process.env.CI === "true" && process.getuid?.() === 0 && existsSync("/etc/debian_version") && !process.env.TIGHTBEAM_NO_INSTALL;

if (chromiumPath === undefined) {
  test("agents in a page of chromium", (context) => {
    // There `npm test` has installed one before this runs: without it nothing would be shown, and nobody would know.
    if (installable) expect.fail(chromiumMissing);
    context.skip(chromiumMissing);
  });
}

const describePage = chromiumPath === undefined ? undefined : describe;

describePage?.("an agent in a page of chromium", () => {
  let browser: Awaited<ReturnType<typeof launchChromium>>;
  let site: Awaited<ReturnType<typeof createSite>>;
  let foreign: Awaited<ReturnType<typeof createSite>>;

  beforeAll(async () => {
    site = await createSite(script);
    foreign = await createSite(script);
    browser = await launchChromium();
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await foreign?.close();
  }, 30_000);

  const closers: (() => Promise<unknown>)[] = [];
  let authority: Awaited<ReturnType<typeof createAuthority>>;
  let stranger: Awaited<ReturnType<typeof createAuthority>>;
  let relay: Awaited<ReturnType<typeof createMortalRelay>>;
  let node: Agent;
  let notes: unknown[];

  beforeEach(async () => {
    authority = await createAuthority({ issuer: "https://auth.example" });
    stranger = await createAuthority({ issuer: "https://auth.example" });
    relay = await createMortalRelay(authority, { pages: [site.origin] });
    closers.push(relay.kill);
    const transport = await connectWebSocket(relay.url, { identity: await authority.enroll("node"), reconnect: { minMs: 10, maxMs: 100 } });
    node = await createAgent({ identity: await authority.enroll("node"), trust: authority.trust(), transport });
    closers.push(() => node.close());
    notes = [];
    node.handle(add, ({ a, b }) => ({ sum: a + b }));
    node.handle("echo", (input) => input);
    node.handle("note", (input) => void notes.push(input));
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function issueToken({ id, publicKey, audience, source }: TokenRequest): Promise<string> {
    const forged = source === "stranger" || (source === "stranger to peers" && audience === undefined);
    const key = source === "other key" ? (await authority.enroll(id)).key.publicJwk : publicKey;
    return (forged ? stranger : authority).issue({ id, publicKey: key, ...(audience === undefined ? {} : { audience }) });
  }

  /** An open page, with everything it complains about. */
  async function openPage(origin = site.origin) {
    const page = await browser.context.newPage();
    closers.push(() => page.close());
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.stack ?? error.message));
    const asked: TokenRequest[] = [];
    await page.exposeFunction("issueToken", (request: TokenRequest) => {
      asked.push(request);
      return issueToken(request);
    });
    await page.goto(origin);
    await page.waitForFunction(() => "tightbeam" in globalThis);
    /** Calls one function of page.ts with what JSON can carry. */
    const call = <Name extends keyof PageApi>(name: Name, ...args: Parameters<PageApi[Name]>): Promise<Awaited<ReturnType<PageApi[Name]>>> =>
      page.evaluate(([called, given]) => (globalThis.tightbeam[called as keyof PageApi] as (...all: unknown[]) => unknown)(...(given as unknown[])), [
        name,
        args,
      ] as const) as Promise<Awaited<ReturnType<PageApi[Name]>>>;
    return { page, call, complaints, asked };
  }

  const joining = (source: TokenSource = "authority", alg: "EdDSA" | "ES256" = "EdDSA"): JoinOptions => ({
    url: relay.url,
    id: "page",
    issuer: authority.issuer,
    jwks: authority.jwks() as JoinOptions["jwks"],
    source,
    alg,
  });

  async function joined(alg: "EdDSA" | "ES256" = "EdDSA") {
    const opened = await openPage();
    const identity = await opened.call("join", joining("authority", alg));
    return { ...opened, identity };
  }

  for (const alg of ["EdDSA", "ES256"] as const) {
    test(`asks an agent in Node through the relay and answers it (${alg}), with a key that cannot leave the page`, async () => {
      const { call, identity, asked, complaints } = await joined(alg);
      expect(identity).toMatchObject({ alg, export: { typed: true, code: "denied" } });
      const { ms, suite, peer } = await call("link", "node");
      console.log(`handshake of a page with Node through the relay, hybrid suite, ${alg}: ${ms.toFixed(1)} ms`);
      expect([suite, peer]).toEqual([0x0101, "node"]);

      expect(await call("add", "node", 40, 2)).toBe(42);
      expect(await node.request("page", greet, { name: "Node" })).toEqual({ greeting: "Hello, Node, from a page." });
      expect(node.links("page")).toHaveLength(1);
      expect(await call("addWrongly", "node")).toMatchObject({ typed: true, code: "invalid_input" });
      expect(await call("fails", "node", "missing")).toMatchObject({ typed: true, code: "no_handler" });

      // Node saw public keys and nothing else of the key.
      expect(asked).toHaveLength(2);
      expect(new Set(asked.map(({ audience }) => audience))).toEqual(new Set([new URL(relay.url).origin, undefined]));
      for (const { publicKey } of asked) expect(Object.keys(publicKey)).not.toContain("d");
      expect(complaints).toEqual([]);
    });
  }

  test("500 messages each way at once arrive once and in order", async () => {
    const { call, complaints } = await joined();
    const count = 500;
    const numbers = Array.from({ length: count }, (_, index) => index);
    const [sums, greetings] = await Promise.all([
      call("addMany", "node", count),
      Promise.all(numbers.map((index) => node.request("page", greet, { name: `${index}` }, { timeout: 60_000 }).then(({ greeting }) => greeting))),
      call("notifyMany", "node", count),
      Promise.all(numbers.map((index) => node.notify("page", "note", index))).then(() => node.notify("page", "note", "end", { confirm: "done" })),
    ]);
    expect(sums).toEqual(numbers.map((index) => 2 * index));
    expect(greetings).toEqual(numbers.map((index) => `Hello, ${index}, from a page.`));
    expect(notes).toEqual([...numbers, "end"]);
    expect(await call("notes")).toEqual([...numbers, "end"]);
    expect(complaints).toEqual([]);
  });

  test("2 MiB each way", async () => {
    const { call, complaints } = await joined();
    const size = 2 * 1024 * 1024;
    expect(await call("bulk", "node", size)).toBe(true);
    const sent = Uint8Array.from({ length: size }, (_, at) => (at * 13) % 256);
    const back = (await node.request("page", "echo", sent, { timeout: 60_000 })) as Uint8Array;
    expect(Buffer.compare(back, sent)).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("the relay is killed and started again under 500 requests: each is answered once, over the same link", async () => {
    const { call, complaints } = await joined();
    await call("link", "node");
    const [link] = node.links("page");
    let ran = 0;
    node.handle("slow", async (input) => {
      ran += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return input;
    });
    const count = 500;
    const pending = call("askInTurn", "node", "slow", count, 50);
    while (ran < 100) await new Promise((resolve) => setTimeout(resolve, 2));
    await relay.kill();
    const before = ran;
    await expect.poll(() => call("status"), { timeout: 10_000 }).toMatchObject({ transport: "down" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await relay.start();
    expect(await pending).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(ran).toBe(count);
    expect(before).toBeLessThan(count);
    expect(await node.request("page", greet, { name: "again" })).toEqual({ greeting: "Hello, again, from a page." });
    expect(node.links("page")).toEqual([link]);
    expect(await call("status")).toMatchObject({ transport: "up", links: 1, calls: { waiting: 0 } });
    expect(complaints.filter((text) => !refusedSocket.test(text))).toEqual([]);
  });

  test("goes on, both ways, in a hidden page whose timers are throttled", async () => {
    const { page, call, complaints } = await joined();
    await call("link", "node");
    await hide(page);
    const { visibility, ms } = await call("timers", 5);
    // Chromium wakes a hidden page's timers once a second.
    expect(visibility).toBe("hidden");
    expect(ms).toBeGreaterThan(300);
    const from = performance.now();
    expect(await call("addMany", "node", 500)).toHaveLength(500);
    const greetings = await Promise.all(Array.from({ length: 500 }, () => node.request("page", greet, { name: "you" }, { timeout: 60_000 })));
    expect(greetings).toHaveLength(500);
    expect(await call("bulk", "node", 2 * 1024 * 1024)).toBe(true);
    console.log(
      `a hidden page, its 10 ms timers taking ${ms.toFixed(0)} ms: 1,000 requests and 2 MiB both ways in ${(performance.now() - from).toFixed(0)} ms`,
    );
    await relay.kill();
    await relay.start();
    expect(await call("add", "node", 1, 2)).toBe(3);
    expect(await node.request("page", greet, { name: "again" })).toEqual({ greeting: "Hello, again, from a page." });
    expect(complaints.filter((text) => !refusedSocket.test(text))).toEqual([]);
  });

  /** Puts another tab before it. */
  async function hide(page: Awaited<ReturnType<typeof openPage>>["page"]): Promise<void> {
    const other = await browser.context.newPage();
    closers.push(() => other.close());
    await other.bringToFront();
    await page.waitForFunction(() => document.visibilityState === "hidden", undefined, { polling: 50 });
  }

  test("tokens that nobody may take are refused: another authority's, another key's", async () => {
    const { call, complaints } = await openPage();
    const forged = await call("joinFails", joining("stranger"));
    expect(forged).toMatchObject({ typed: true, code: "denied" });
    expect(forged?.message).toContain("invalid_token");
    // The page's own side sees this one.
    const mistaken = await call("joinFails", joining("other key"));
    expect(mistaken).toMatchObject({ typed: true, code: "denied" });
    expect(mistaken?.message).toContain("another key");
    const { publicJwk } = (await authority.enroll("page")).key;
    const token = await authority.issue({ id: "page", publicKey: publicJwk, audience: new URL(relay.url).origin });
    const stolen = await call("loginWithStolen", joining(), token, publicJwk);
    expect(stolen).toMatchObject({ typed: true, code: "denied" });
    expect(stolen?.message).toContain("wrong_proof");
    expect(node.links("page")).toEqual([]);

    // The relay takes this one, and the agent in Node does not.
    expect(await call("joinFails", joining("stranger to peers"))).toBeUndefined();
    expect(await call("fails", "node", "echo", 1_500)).toMatchObject({ typed: true, code: "handshake_failed" });
    expect(node.links("page")).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("a page of a foreign Origin is refused by the relay, whatever its token", async () => {
    const { call, complaints } = await openPage(foreign.origin);
    const refused = await call("joinFails", joining());
    expect(refused).toMatchObject({ typed: true, code: "unavailable" });
    expect(refused?.message).toContain("origin");
    expect(relay.relay.stats()).toMatchObject({ turnedAway: 1, sockets: 1 });
    // Chromium tells the console, and only there, why.
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(/Unexpected response code: 403/);
  });
});
