import { expect, test } from "vitest";
import type { EncodedPayload } from "../../../src/codec/types.js";
import { method } from "../../../src/contract/index.js";
import { createIds } from "../../../src/envelope/id.js";
import type { EnvelopeHeader } from "../../../src/envelope/types.js";
import { decodeEnvelope } from "../../../src/envelope/wire.js";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { createMemoryBudget } from "../../../src/link/budget.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Delivery, Outcome, OutgoingMessage } from "../../../src/link/message.js";
import { createShares } from "../../../src/link/share.js";
import { onDemand } from "../../../src/on-demand.js";
import { admissionSlot } from "../../../src/patterns/admission/slot.js";
import { createLateServer } from "../../../src/patterns/answering/late-server.js";
import { createMiddleware } from "../../../src/patterns/answering/middleware.js";
import { missing } from "../../../src/patterns/answering/missing.js";
import { createServed } from "../../../src/patterns/answering/served.js";
import * as code from "../../../src/patterns/answering/server.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

const idOf = (number: number): string => `0190f3c2-7a52-7c3e-9d5a-${number.toString(16).padStart(12, "0")}`;
const closed = new TightbeamError("closed", "The agent was closed.");

/** A server whose code is there when the test says so. */
function setUp({ budget = 2 ** 28 }: { budget?: number } = {}) {
  const loads: { arrive(): Promise<void>; fail(): Promise<void> }[] = [];
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  const load = onDemand(
    () =>
      new Promise<typeof code>((resolve, reject) => {
        loads.push({
          arrive() {
            resolve(code);
            return settled();
          },
          fail() {
            reject(new Error("offline"));
            return settled();
          },
        });
      }),
  );
  const runtime = createVirtualRuntime({ seed: 1 });
  const memory = createMemoryBudget(budget);
  const failures: unknown[] = [];
  const server = createLateServer(
    {
      runtime,
      taps: createTaps(),
      ids: createIds(runtime),
      json: limits,
      admission: admissionSlot(runtime, undefined, {}),
      idempotency: { options: undefined, state: undefined },
      middleware: createMiddleware(),
      onFailure: ({ error }) => failures.push((error as TightbeamError).code),
      served: createServed({ changed: () => undefined, publishes: () => () => undefined }),
      observe: undefined,
    },
    load,
  );
  const makeLink = (id = "bob") => {
    const answers: string[] = [];
    const outcomes: Outcome[] = [];
    const peer = { id, instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", permissions: [], limits: { maxMessageBytes: 1_000 } };
    const send = ({ bytes }: OutgoingMessage): void => {
      const { header } = decodeEnvelope(bytes);
      answers.push(header.error?.code ?? header.type);
    };
    const link = { peer, state: "up", clockOffset: () => 0, askClock: () => undefined, send, budget: createShares(memory).change(id, 1, 0).budget };
    const delivery = { refused: undefined, settle: (outcome: Outcome) => void outcomes.push(outcome) } as unknown as Delivery;
    const serve = (number: number, more: Partial<EnvelopeHeader> = {}, payload?: EncodedPayload): void => {
      const header: EnvelopeHeader = { type: "request", id: idOf(number), timestamp: runtime.clock.wall(), priority: "normal", method: "work", ...more };
      server.serve(link as unknown as Link, delivery, header, payload);
    };
    return { link: link as unknown as Link & { state: string }, answers, outcomes, serve };
  };
  return { runtime, loads, server, failures, memory, makeLink };
}

const text = (value: string): EncodedPayload => ({ kind: "json", bytes: new TextEncoder().encode(JSON.stringify(value)) });

test("what comes before its code is there waits, and is answered in order; later calls go straight to it", async () => {
  const { server, loads, memory, makeLink } = setUp();
  const { serve, answers, outcomes } = makeLink();
  const seen: unknown[] = [];
  expect(loads).toHaveLength(0);
  server.handle(method("work"), (input) => seen.push(input));
  // With the first handler: a caller shall not wait for it.
  expect(loads).toHaveLength(1);
  serve(1, {}, text("one"));
  serve(2, { type: "notification" }, text("two"));
  serve(3, { method: "nobody" });
  expect([seen, answers, server.queued, server.running]).toEqual([[], [], 3, 0]);
  expect(memory.used).toBeGreaterThan(3 * 500);
  await loads[0]?.arrive();
  expect([seen, answers, server.queued]).toEqual([["one", "two"], ["response", "no_handler"], 0]);
  expect(outcomes).toEqual(["ok", "ok", "no_handler"]);
  expect(memory.used).toBe(0);
  serve(4, {}, text("three"));
  expect([seen.at(-1), answers.at(-1), loads.length]).toEqual(["three", "response", 1]);
});

test("who only asks loads it with what a peer first says, and names are taken before", async () => {
  const { server, loads, makeLink } = setUp();
  const { serve, answers } = makeLink();
  const own = { ...method("hello"), name: "tb/hello" };
  expect(server.handleOwn(own, () => "hello")).toBe(true);
  expect(server.handleOwn(own, () => "again")).toBe(false);
  expect(loads).toHaveLength(0);
  serve(1, { method: "tb/hello" });
  await loads[0]?.arrive();
  expect(answers).toEqual(["response"]);
  server.handle(method("work"), () => 1, { ordered: true });
  expect(() => server.handle(method("work"), () => 2)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  expect([server.isOrdered("work"), server.isOrdered("tb/hello"), server.members().map(({ name }) => name)]).toEqual([true, false, ["work"]]);
  expect(missing("other", server).code).toBe("no_handler");
});

test("so many wait, and in so much memory; what is too much is answered at once", async () => {
  const { server, loads, makeLink } = setUp();
  const { serve, answers } = makeLink();
  server.fallback(() => undefined);
  for (let number = 0; number < limits.running + 3; number++) serve(number);
  expect([answers, server.queued]).toEqual([["overloaded", "overloaded", "overloaded"], limits.running]);
  await loads[0]?.arrive();
  expect([answers.length, new Set(answers.slice(3))]).toEqual([limits.running + 3, new Set(["response"])]);

  const small = setUp({ budget: 64 * 1024 });
  const other = small.makeLink();
  for (let number = 0; number < 40; number++) other.serve(number, {}, { kind: "bytes", bytes: new Uint8Array(8_000) });
  expect(other.answers.length).toBeGreaterThan(30);
  expect(new Set(other.answers)).toEqual(new Set(["overloaded"]));
  expect(small.memory.used).toBeLessThanOrEqual(64 * 1024);
});

test("whose caller cancelled, or whose link ended, is not run; a notification is", async () => {
  const { server, loads, memory, makeLink } = setUp();
  const [bob, carol] = [makeLink("bob"), makeLink("carol")];
  const ran: string[] = [];
  server.handle(method("work"), (_, { id }) => void ran.push(id));
  bob.serve(1);
  carol.serve(1);
  carol.serve(2);
  carol.serve(3, { type: "notification" });
  bob.serve(4);
  server.cancel(bob.link, idOf(1));
  carol.link.state = "ended";
  server.linkEnded(carol.link, closed);
  await loads[0]?.arrive();
  expect(ran).toEqual([idOf(3), idOf(4)]);
  expect([bob.answers, bob.outcomes]).toEqual([["response"], ["refused", "ok"]]);
  expect([carol.answers, carol.outcomes]).toEqual([[], ["refused", "refused", "ok"]]);
  expect(memory.used).toBe(0);
});

test("what cannot be loaded is refused, and the next call tries again", async () => {
  const { server, loads, memory, failures, makeLink } = setUp();
  const { serve, answers, outcomes } = makeLink();
  server.handle(method("work"), () => 1);
  serve(1);
  serve(2, { type: "notification" });
  await loads[0]?.fail();
  expect([answers, outcomes, failures, memory.used]).toEqual([["unavailable"], ["refused", "refused"], ["unavailable", "unavailable"], 0]);
  serve(3);
  await loads[1]?.arrive();
  expect(answers.at(-1)).toBe("response");
});

test("an agent that closes answers what waits, and nothing later; one that drains finishes it first", async () => {
  const closing = setUp();
  const bob = closing.makeLink();
  closing.server.handle(method("work"), () => 1);
  bob.serve(1);
  closing.server.stop(closed);
  bob.serve(2);
  await closing.loads[0]?.arrive();
  expect([bob.answers, closing.memory.used]).toEqual([["closed", "closed"], 0]);
  await closing.server.idle();

  const draining = setUp();
  const carol = draining.makeLink();
  draining.server.handle(method("work"), () => 1);
  carol.serve(1);
  let idle = false;
  draining.server.drain();
  void draining.server.idle().then(() => (idle = true));
  carol.serve(2);
  expect([carol.answers, idle]).toEqual([["overloaded"], false]);
  await draining.loads[0]?.arrive();
  carol.serve(3);
  await Promise.resolve();
  expect([carol.answers, idle]).toEqual([["overloaded", "response", "overloaded"], true]);
});

test("a drain while it is loaded with nothing that waits holds when it is there", async () => {
  const { server, loads, makeLink } = setUp();
  const { serve, answers } = makeLink();
  server.handle(method("work"), () => 1);
  server.drain();
  await server.idle();
  await loads[0]?.arrive();
  serve(1);
  expect(answers).toEqual(["overloaded"]);
});
