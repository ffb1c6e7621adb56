import { type Agent, contract, createAgent, createAuthority, method, type OperationOptions, type TightbeamError } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure } from "./settling.js";

let alice: Agent;
let bob: Agent;
const seen: { readonly priority: string; readonly headers: object; readonly idempotencyKey: string | undefined; readonly bytes: number }[] = [];
const work = contract({ name: "work", version: 1, methods: { echo: method("echo") } });

beforeAll(async () => {
  const authority = await createAuthority();
  const hub = createHub();
  const join = async (id: string): Promise<Agent> =>
    createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), presence: false });
  [alice, bob] = [await join("alice"), await join("bob")];
  const note = (input: unknown, { priority, headers, idempotencyKey }: { priority: string; headers: object; idempotencyKey: string | undefined }): unknown => {
    seen.push({ priority, headers: { ...headers }, idempotencyKey, bytes: input instanceof Uint8Array ? input.length : 0 });
    return undefined;
  };
  alice.handle("echo", note);
  alice.serve(work, { echo: note });
});
afterAll(() => Promise.all([alice.close(), bob.close()]));

/** Every way to send, with the same options. */
const ways: readonly (readonly [string, (options: OperationOptions) => Promise<unknown>])[] = [
  ["request", (options) => bob.request("alice", "echo", 1, options)],
  ["notify", (options) => bob.notify("alice", "echo", 1, options)],
  ["stream", (options) => bob.stream("alice", "echo", 1, options).result],
  ["publish", (options) => bob.publish("topic", 1, options)],
  ["a client's method", (options) => bob.peer("alice", work).echo(undefined, options)],
];

const notASignal = "needs a signal";
const rows: readonly (readonly [what: string, options: object, code: TightbeamError["code"], says: string])[] = [
  ...[0, -1, 1e9, Number.NaN, "urgent", "HIGH", "__proto__", null].map(
    (priority) => [`priority ${priority}`, { priority }, "invalid_argument", "critical, high, normal, low"] as const,
  ),
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, "5", Date.parse("9999-12-31"), null].map(
    (ttl) => [`ttl ${ttl}`, { ttl }, "invalid_argument", "a ttl of whole ms"] as const,
  ),
  ...[0, -1, Number.NaN, 2 ** 31, "5", null].map((timeout) => [`timeout ${timeout}`, { timeout }, "invalid_argument", "a timeout of 1"] as const),
  ["a signal that is its controller", { signal: new AbortController() }, "invalid_argument", notASignal],
  ["a signal of text", { signal: "abort" }, "invalid_argument", notASignal],
  ["a signal that is null", { signal: null }, "invalid_argument", notASignal],
  ["an object that only says it is not aborted", { signal: { aborted: false } }, "invalid_argument", notASignal],
  ["a signal that has fired", { signal: AbortSignal.abort() }, "cancelled", "before anything was sent"],
  ...["", 7, "a b", "é", "x".repeat(129), "a\r\nb"].map(
    (idempotencyKey) => [`idempotencyKey ${JSON.stringify(idempotencyKey).slice(0, 12)}`, { idempotencyKey }, "invalid_envelope", "idempotencyKey"] as const,
  ),
  ...[
    null,
    5,
    ["a"],
    new Map([["a", "b"]]),
    { A: "x" },
    { constructor: "x" },
    JSON.parse('{"__proto__":"x"}') as object,
    { a: 1 },
    { a: "b\r\nc" },
    { a: "\u001b[2J" },
  ].map((headers) => [`headers ${JSON.stringify(headers)}`, { headers }, "invalid_envelope", "headers"] as const),
  ["33 headers", { headers: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`h${i}`, ""])) }, "invalid_envelope", "at most 32"],
  ["headers of 9 KiB", { headers: { a: "x".repeat(9 * 1024) } }, "invalid_envelope", "headers"],
  ...[null, "x", {}, { traceId: "0".repeat(32), spanId: "b7ad6b7169203331", sampled: true }, { traceId: "x\r\n", spanId: "y", sampled: true }].map(
    (trace) => [`trace ${JSON.stringify(trace)}`, { trace }, "invalid_argument", "a trace of { traceId"] as const,
  ),
  ...[null, "x", {}, [null], [{ traceId: "x" }], Array(129).fill(undefined)].map(
    (traces) => [`traces ${JSON.stringify(traces).slice(0, 20)}`, { traces }, "invalid_argument", "at most 128"] as const,
  ),
  ["an option that there is not", { prioriy: "high" }, "invalid_argument", "has no option 'prioriy'"],
];

describe.each(ways)("%s refuses", (_name, send) => {
  test.each(rows)("%s", async (_what, options, code, says) => {
    const before = seen.length;
    const error = await failure(send(options as OperationOptions));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(says)]);
    await bob.request("alice", "echo");
    expect(seen).toHaveLength(before + 1);
  });
});

test("link() refuses the same of what it takes", async () => {
  for (const [, options, code] of rows.filter(([what]) => /^(?:timeout|a signal|an object|an option)/.test(what)))
    expect((await failure(bob.link("alice", options))).code).toBe(code);
});

test("what is right arrives: each priority, the longest key, 32 headers", async () => {
  seen.length = 0;
  const headers = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`h${i}`, `${i}`]));
  const idempotencyKey = `!${"~".repeat(127)}`;
  for (const priority of ["critical", "high", "normal", "low"] as const)
    await bob.request("alice", "echo", 1, {
      priority,
      headers,
      idempotencyKey: `${idempotencyKey.slice(1)}${priority[0]}`,
      ttl: 2 ** 32 - 1,
      timeout: 2 ** 31 - 1,
      signal: new AbortController().signal,
    });
  expect(seen.map(({ priority }) => priority)).toEqual(["critical", "high", "normal", "low"]);
  for (const call of seen) expect([call.headers, call.idempotencyKey?.length]).toEqual([headers, 128]);
});

test("over 256 KiB a message goes in the lane of `low`, unless its caller says otherwise", async () => {
  const link = await bob.link("alice");
  const queued = (size: number, options: OperationOptions = {}): object => {
    const sent = bob.notify("alice", "echo", new Uint8Array(size), { confirm: "done", ...options });
    const { queue } = link.status();
    pending.push(sent);
    return queue;
  };
  const pending: Promise<void>[] = [];
  const empty = { critical: 0, high: 0, normal: 0, low: 0 };
  expect(queued(255 * 1024)).toEqual({ ...empty, normal: 1 });
  expect(queued(257 * 1024)).toEqual({ ...empty, normal: 1, low: 1 });
  expect(queued(257 * 1024, { priority: "high" })).toEqual({ ...empty, high: 1, normal: 1, low: 1 });
  await Promise.all(pending);
  expect(link.status().queue).toEqual(empty);
});
