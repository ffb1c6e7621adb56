import { expect, test } from "vitest";
import { method } from "../../../src/contract/index.js";
import { fromWireError } from "../../../src/envelope/error.js";
import { createIds } from "../../../src/envelope/id.js";
import type { EnvelopeHeader } from "../../../src/envelope/types.js";
import { decodeEnvelope } from "../../../src/envelope/wire.js";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Delivery, Outcome, OutgoingMessage } from "../../../src/link/message.js";
import { createAdmission } from "../../../src/patterns/admission/admission.js";
import { createMiddleware } from "../../../src/patterns/answering/middleware.js";
import { createServed } from "../../../src/patterns/answering/served.js";
import { createServer } from "../../../src/patterns/answering/server.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

const idOf = (number: number): string => `0190f3c2-7a52-7c3e-9d5a-${number.toString(16).padStart(12, "0")}`;

function setUp() {
  const sent: OutgoingMessage[] = [];
  const outcomes: Outcome[] = [];
  const peer = { id: "bob", instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", permissions: ["p"], token: "secret", limits: { maxMessageBytes: 1_000 } };
  const link = {
    peer,
    state: "up",
    clockOffset: () => 0,
    askClock: () => undefined,
    send: (message: OutgoingMessage) => void sent.push(message),
  } as unknown as Link;
  const runtime = createVirtualRuntime({ seed: 1 });
  const server = createServer({
    runtime,
    taps: createTaps(),
    ids: createIds(runtime),
    json: limits,
    admission: createAdmission(runtime, undefined, {}),
    middleware: createMiddleware(),
    onFailure: () => undefined,
    served: createServed({ changed: () => undefined, publishes: () => () => undefined }),
    observe: undefined,
  });
  const delivery = { refused: undefined, settle: (outcome: Outcome) => void outcomes.push(outcome) } as unknown as Delivery;
  const serve = (number: number, type: "request" | "notification" = "request"): void => {
    const header: EnvelopeHeader = { type, id: idOf(number), timestamp: 0, priority: "normal", method: "work" };
    server.serve(link, delivery, header, undefined);
  };
  return { server, link, serve, sent, outcomes };
}

test("a handler that ends its own agent or link before it returns has its signal fired", () => {
  const { server, link, serve, outcomes } = setUp();
  const seen: unknown[] = [];
  let end = (): void => server.linkEnded(link, new TightbeamError("closed", "the link ended"));
  server.handle(method("work"), (_, { signal }) => {
    expect(signal.aborted).toBe(false);
    expect(server.running).toBe(1);
    end();
    seen.push(signal.reason);
  });
  serve(1, "notification");
  end = () => server.stop(new TightbeamError("closed", "the agent was closed"));
  serve(2, "notification");
  expect(seen).toMatchObject([{ message: "the link ended" }, { message: "the agent was closed" }]);
  expect(outcomes).toEqual(["ok", "ok"]);
  expect(server.running).toBe(0);
});

test("the signal of one call is not fired by the end of another link, nor by a cancel of another id", async () => {
  const { server, link, serve } = setUp();
  const signals: AbortSignal[] = [];
  const gates: (() => void)[] = [];
  server.handle(method("work"), (_, { signal }) => {
    signals.push(signal);
    return new Promise<void>((resolve) => gates.push(resolve));
  });
  serve(1);
  serve(2);
  server.linkEnded({} as Link, new TightbeamError("closed", "another"));
  server.cancel(link, idOf(2));
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  for (const open of gates) open();
  await server.idle();
  expect(server.running).toBe(0);
});

test("an id that is being handled is refused, and is free again afterwards", async () => {
  const { server, serve, outcomes } = setUp();
  let open = (): void => undefined;
  server.handle(method("work"), () => new Promise<void>((resolve) => (open = resolve)));
  serve(7);
  serve(7);
  expect(outcomes).toEqual(["refused"]);
  open();
  await server.idle();
  serve(7);
  expect(server.running).toBe(1);
  open();
  await server.idle();
  expect(outcomes).toEqual(["refused", "ok", "ok"]);
});

test("a call whose output is checked asynchronously runs until that is done", async () => {
  const { server, serve, sent } = setUp();
  let pass = (): void => undefined;
  const output = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => new Promise((resolve) => (pass = () => resolve({ value }))) } };
  server.handle(method("work", { output: output as never }), () => "done");
  serve(1);
  serve(1);
  expect(server.running).toBe(1);
  expect(sent.length).toBe(1);
  pass();
  await server.idle();
  expect(sent.length).toBe(2);
});

test("a context tells who asks and no more, and stays readable after the call", () => {
  const { server, serve } = setUp();
  const contexts: unknown[] = [];
  server.handle(method("work"), (_, context) => void contexts.push(context));
  serve(1);
  const { peer, id, method: name, headers, priority, idempotencyKey } = contexts[0] as Record<string, unknown>;
  expect(peer).toEqual({ id: "bob", instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", permissions: ["p"] });
  expect({ id, name, headers, priority, idempotencyKey }).toEqual({ id: idOf(1), name: "work", headers: {}, priority: "normal", idempotencyKey: undefined });
  expect((contexts[0] as { peer: unknown }).peer).toBe(peer);
});

test("an agent that declined a handler's own request does not make that handler's call run again elsewhere", async () => {
  const { server, serve, sent } = setUp();
  const replies = () => sent.splice(0).map(({ bytes }) => decodeEnvelope(bytes).header.error);
  const declined = fromWireError({ code: "overloaded", message: "closing", id: "e1", retryAfter: 0 });
  server.handle(method("work"), () => Promise.reject(declined));
  serve(1);
  await server.idle();
  expect(replies()).toMatchObject([{ code: "overloaded", message: "closing", retryAfter: 1 }]);
});

test("a handler may say of itself that it did nothing and another instance may", () => {
  const { server, serve, sent } = setUp();
  server.handle(method("work"), () => {
    throw new TightbeamError("overloaded", "full", { retryAfter: 0 });
  });
  serve(1);
  expect(sent.map(({ bytes }) => decodeEnvelope(bytes).header.error)).toMatchObject([{ code: "overloaded", retryAfter: 0 }]);
});

test("a thenable that settles twice answers once", async () => {
  const { server, serve, sent, outcomes } = setUp();
  const twice = {
    // biome-ignore lint/suspicious/noThenProperty: that is what a handler may return.
    then(resolve: (value: unknown) => void) {
      resolve("first");
      resolve("second");
    },
  };
  server.handle(method("work"), () => twice);
  serve(1);
  await server.idle();
  expect([sent.length, outcomes.length, server.running]).toEqual([1, 1, 0]);
});
