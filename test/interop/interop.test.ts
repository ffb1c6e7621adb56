import { readdirSync, readFileSync } from "node:fs";
import { stream } from "@tightbeam/core";
import { expect, test, vi } from "vitest";
import { classical, hybrid } from "./peer/noise.js";
import { openPlace, reorderAndRepeat } from "./place.js";

/*
 * An agent of this project and a second implementation (`peer/`), which was written from docs/protocol.md and packages/websocket/docs/relay-protocol.md
 * alone and imports nothing of the packages, over the real relay.
 */

const greet = (input: unknown): unknown => ({ text: `Hello, ${(input as { name: string }).name}.` });
/** Generous: what waits is a machine with much else to do. */
vi.setConfig({ testTimeout: 120_000 });
const soon = { timeout: 60_000, interval: 20 };
const patient = { timeout: 60_000 };

test("the second implementation imports nothing of this project", () => {
  const folder = new URL("peer/", import.meta.url);
  const imports = readdirSync(folder).flatMap((name) => [...readFileSync(new URL(name, folder), "utf8").matchAll(/from "([^"]+)"/g)].map(([, from]) => from));
  const outside = new Set(imports.filter((from) => !/^\.\/[\w-]+\.js$/.test(from ?? "")));
  expect([...outside].sort()).toEqual(["@noble/post-quantum/ml-kem.js", "jose", "node:crypto", "ws"]);
});

/** 300 KiB: 19 fragments, in lane 3. */
const large = "0123456789abcdef".repeat(19_200);

test("it dials: request and reply, a notification, an error, an answer DONE, and nothing is left unacknowledged on either side", async () => {
  const { agent, peer } = await openPlace();
  const noted: unknown[] = [];
  agent.handle("greet", greet);
  agent.handle("note", (input) => void noted.push(input));
  agent.handle("fail", () => {
    throw new Error("a secret");
  });
  const alice = await peer.dial("agent/acme/alice");
  expect(alice.suite).toBe(hybrid);
  expect(await alice.request("greet", { name: "Bob" })).toEqual({ text: "Hello, Bob." });
  alice.notify("note", 1);
  expect(await alice.notifyAndHear("note", 2)).toBe(0);
  expect(await alice.notifyAndHear("nothing", 3)).toBe(2);
  expect(noted).toEqual([1, 2]);
  await expect(alice.request("fail", null)).rejects.toMatchObject({ code: "handler_failed" });
  await expect(alice.request("fail", null)).rejects.not.toThrow("a secret");
  await expect(alice.request("nothing", null)).rejects.toMatchObject({ code: "no_handler" });
  await vi.waitFor(() => {
    const [link] = agent.status().links;
    expect(link).toMatchObject({ suite: hybrid, queue: { critical: 0, high: 0, normal: 0, low: 0 }, inFlight: { messages: 0, bytes: 0 } });
    expect(alice.link.outgoing.outstanding).toBe(0);
  }, soon);
});

test("it is dialled: the agent's requests are answered, its notification is done, its errors have their codes", async () => {
  const { agent, peer } = await openPlace();
  const noted: unknown[] = [];
  peer.handle("greet", greet);
  peer.handle("note", (input) => noted.push(input));
  expect(await agent.request("acme/bob", "greet", { name: "Alice" }, patient)).toEqual({ text: "Hello, Alice." });
  await agent.notify("acme/bob", "note", { n: 1 }, { confirm: "done" });
  expect(noted).toEqual([{ n: 1 }]);
  await expect(agent.request("acme/bob", "nothing", 1, patient)).rejects.toMatchObject({ code: "no_handler" });
  await vi.waitFor(() => expect(agent.status().links[0]?.inFlight).toMatchObject({ messages: 0, bytes: 0 }), soon);
  await agent.close();
  await vi.waitFor(() => expect(peer.contact("acme/alice")).toBeUndefined(), soon);
});

test("the classical suite where both allow it", async () => {
  const { agent, peer } = await openPlace({ agent: { allowClassical: true }, peer: { suites: [classical] } });
  agent.handle("greet", greet);
  const alice = await peer.dial("agent/acme/alice");
  expect(alice.suite).toBe(classical);
  expect(await alice.request("greet", { name: "Bob" })).toEqual({ text: "Hello, Bob." });
});

test("messages of 300 KiB in fragments, both ways", async () => {
  const { agent, peer } = await openPlace();
  for (const side of [agent, peer]) side.handle("echo", (input: unknown) => input);
  const alice = await peer.dial("agent/acme/alice");
  expect(await alice.request("echo", large)).toBe(large);
  expect(await agent.request("acme/bob", "echo", large, patient)).toBe(large);
});

test("more notifications than the first credit for intake, both ways", async () => {
  const { agent, peer } = await openPlace({ agent: { limits: { intakeCount: 8 } } });
  const heard = { agent: [] as unknown[], peer: [] as unknown[] };
  agent.handle("note", (input) => void heard.agent.push(input));
  peer.handle("note", (input) => void heard.peer.push(input));
  const alice = await peer.dial("agent/acme/alice");
  const numbers = Array.from({ length: 80 }, (_, number) => number);
  for (const number of numbers) alice.notify("note", number);
  await Promise.all(numbers.map((number) => agent.notify("acme/bob", "note", number)));
  await vi.waitFor(() => expect(heard).toEqual({ agent: numbers, peer: numbers }), soon);
});

test("streams are read with credit, both ways", async () => {
  const { agent, peer } = await openPlace();
  async function* count(input: unknown): AsyncGenerator<string> {
    for (let number = 0; number < (input as number); number++) yield `${number}`.padStart(1000, ".");
  }
  agent.handle(stream("count"), count);
  peer.handleStream("count", count);
  const expected = Array.from({ length: 50 }, (_, number) => `${number}`.padStart(1000, "."));

  const alice = await peer.dial("agent/acme/alice");
  const said = alice.stream("count", 50, 8_000);
  await vi.waitFor(() => expect(said.said).toBeGreaterThan(8_000), soon);
  expect(said.said).toBeLessThan(8_000 + 1_100);
  const heard: unknown[] = [];
  for await (const chunk of said) heard.push(chunk);
  expect(heard).toEqual(expected);

  const told: unknown[] = [];
  for await (const chunk of agent.stream("acme/bob", "count", 50)) told.push(chunk);
  expect(told).toEqual(expected);
});

test("keys are changed by either side, and the link goes on over a new session that either side makes", async () => {
  const { agent, peer } = await openPlace();
  for (const side of [agent, peer]) side.handle("echo", (input: unknown) => input);
  const alice = await peer.dial("agent/acme/alice");
  const echo = async (): Promise<void> => {
    expect(await alice.request("echo", 1)).toBe(1);
    expect(await agent.request("acme/bob", "echo", 2, patient)).toBe(2);
  };
  await echo();
  const [link] = agent.links("acme/bob");
  alice.link.session?.nextEpoch();
  await echo();
  expect(link?.status().epoch?.receive).toBe(1);
  for (let times = 0; times < 3; times++) alice.link.session?.nextEpoch();
  await echo();
  expect(link?.status().epoch?.receive).toBe(4);

  const renewed = await peer.dial(alice.inbox);
  expect(renewed.link).toBe(alice.link);
  await echo();
  expect(link?.status()).toMatchObject({ generation: 1, sessions: 2 });
  expect(agent.links("acme/bob")).toEqual([link]);
});

test("a RETRY with a cookie: the agent obeys the peer's, and the peer that of an agent that wants another suite", async () => {
  const { agent, peer } = await openPlace({ peer: { cookies: true } });
  peer.handle("greet", greet);
  expect(await agent.request("acme/bob", "greet", { name: "Alice" }, patient)).toEqual({ text: "Hello, Alice." });
  expect(peer.retries.counted).toBe(1);

  const strict = await openPlace({ peer: { suites: [classical, hybrid] } });
  const dialled = await strict.peer.dial("agent/acme/alice");
  expect(dialled.suite).toBe(hybrid);
  expect(strict.peer.retries.obeyed).toBe(1);
});

test("frames that come twice and out of their order, both ways", async () => {
  const { agent, peer } = await openPlace({ peer: { disturb: reorderAndRepeat() } });
  const heard: unknown[] = [];
  agent.handle("note", (input) => void heard.push(input));
  for (const side of [agent, peer]) side.handle("echo", (input: unknown) => input);
  const alice = await peer.dial("agent/acme/alice");
  const numbers = Array.from({ length: 30 }, (_, number) => number);
  for (const number of numbers) alice.notify("note", number);
  expect(await Promise.all(numbers.map((number) => alice.request("echo", number)))).toEqual(numbers);
  expect(await Promise.all(numbers.map((number) => agent.request("acme/bob", "echo", number, patient)))).toEqual(numbers);
  expect(heard).toEqual(numbers);
  expect(await alice.request("echo", large)).toBe(large);
  expect(alice.link.session?.replays).toBeGreaterThan(0);
});
