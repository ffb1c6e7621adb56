import { type Agent, createAgent, type TightbeamError } from "@tightbeam/core";
import type { Address, Transport } from "@tightbeam/core/transport";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { carried, pass } from "../../packages/websocket/test/tap.js";
import { createField, type Field, failure, pause, within } from "./field.js";

/*
 * BAD-INPUTS F, as far as it is about handlers, closing and cancelling: every operation settles, with a typed error, and at most once.
 */

let field: Field;
beforeAll(async () => {
  field = await createField();
  field.alice.handle("echo", (input) => input);
});
afterAll(() => field.close());

let names = 0;
const join = (): Promise<Agent> => field.join(`guest-${names++}`);
/** Holds back everything on its way to this agent. */
const deaf = (name: string): void => {
  field.tap.meddle = ({ way, conn, bytes }) => (way === "down" && conn.name === name ? [] : [bytes]);
};
const hear = (): void => {
  field.tap.meddle = pass;
};
const then = "then";
const thrown = (why: string): never => {
  throw new Error(why);
};
const nothing = (): void => undefined;

describe("handlers", () => {
  it("one that never settles: the caller's time runs out, and the handler's signal fires", async () => {
    const guest = await join();
    const fired: unknown[] = [];
    field.alice.handle("hangs", (_, { signal }) => {
      signal.addEventListener("abort", () => fired.push((signal.reason as TightbeamError).code));
      return new Promise(nothing);
    });
    // What keeps replies by key is loaded with the first one: the time is for the handler alone.
    await guest.request("alice", "echo", 1, { idempotencyKey: "before" });
    const error = await failure(guest.request("alice", "hangs", null, { timeout: 300, idempotencyKey: "once" }));
    expect([error.code, error.idempotencyKey]).toEqual(["timeout", "once"]);
    await within(5_000, "the signal", () => fired.length === 1);
    expect(fired).toEqual(["cancelled"]);
    await guest.close();
    await field.peace();
  });

  it("one that throws undefined, a string, an error without a message, a thenable that throws", async () => {
    const guest = await join();
    const bad: readonly (() => unknown)[] = [
      () => {
        throw undefined;
      },
      () => {
        throw "text";
      },
      () => Promise.reject(Object.create(null)),
      () => Object.defineProperty({}, then, { get: () => thrown("getter") }),
      () => ({ [then]: () => thrown("call") }),
      () => Symbol("no JSON"),
      () => ({
        toJSON() {
          throw new Error("toJSON");
        },
      }),
    ];
    for (const [index, handler] of bad.entries()) {
      const remove = field.alice.handle(`bad-${index}`, handler);
      expect(["handler_failed", "not_serialisable"]).toContain((await failure(guest.request("alice", `bad-${index}`))).code);
      remove();
    }
    await guest.close();
    await field.peace();
  });

  it("listeners that throw or reject, of every kind, on both sides", async () => {
    const guest = await join();
    const stops = [field.alice, guest].flatMap((agent) => [
      agent.onEvent(() => {
        throw new Error("listener");
      }),
      agent.onEnvelope(() => {
        throw new Error("listener");
      }),
      agent.onEvent(async () => {
        throw new Error("async listener");
      }),
      agent.onEnvelope(async () => {
        throw new Error("async listener");
      }),
    ]);
    expect(await guest.request("alice", "echo", 5)).toBe(5);
    guest.links("alice")[0]?.close();
    expect(await guest.request("alice", "echo", 6)).toBe(6);
    for (const stop of stops) stop();
    await pause(20);
    await guest.close();
    await field.peace();
  });
});

describe("signals", () => {
  it("aborted already: nothing is sent, for link, request and notify", async () => {
    const guest = await join();
    let ran = 0;
    field.alice.handle("aborted", () => void ran++);
    const signal = AbortSignal.abort(new Error("before"));
    for (const promise of [guest.request("alice", "aborted", 1, { signal }), guest.notify("alice", "aborted", 1, { signal }), guest.link("alice", { signal })])
      expect((await failure(promise)).code).toBe("cancelled");
    expect(guest.links()).toEqual([]);
    await guest.request("alice", "echo", 1);
    expect((await failure(guest.request("alice", "aborted", 1, { signal }))).code).toBe("cancelled");
    await pause(30);
    expect(ran).toBe(0);
    await guest.close();
    await field.peace();
  });

  it("aborted between send and acknowledgement: the outcome is unknown, and says so with the key", async () => {
    const guest = await join();
    await guest.link("alice");
    field.alice.handle("slow", () => new Promise(nothing));
    deaf(guest.id);
    const controllers = [new AbortController(), new AbortController()] as const;
    const asked = failure(guest.request("alice", "slow", 1, { signal: controllers[0].signal, idempotencyKey: "a" }));
    const told = failure(guest.notify("alice", "slow", 1, { signal: controllers[1].signal, idempotencyKey: "b", confirm: "received" }));
    await within(5_000, "both to arrive", () => field.alice.status().calls.running >= 2);
    for (const controller of controllers) controller.abort(new Error("changed my mind"));
    expect(await asked).toMatchObject({ code: "delivery_unknown", idempotencyKey: "a" });
    expect(await told).toMatchObject({ code: "delivery_unknown", idempotencyKey: "b" });
    hear();
    expect(await guest.request("alice", "echo", "after")).toBe("after");
    await guest.close();
    await field.peace();
  });

  it("aborted while the link is being made: the dial is given up with its last caller, and not before", async () => {
    const guest = await join();
    deaf(guest.id);
    const controllers = [new AbortController(), new AbortController()] as const;
    const [one, other] = controllers.map(({ signal }) => failure(guest.request("alice", "echo", 1, { signal }))) as [
      Promise<TightbeamError>,
      Promise<TightbeamError>,
    ];
    await pause(30);
    controllers[0].abort();
    expect((await one).code).toBe("cancelled");
    hear();
    controllers[1].abort();
    expect((await other).code).toBe("cancelled");
    expect(await guest.request("alice", "echo", 2)).toBe(2);
    await guest.close();
    await field.peace();
  });
});

describe("closing", () => {
  it("during sends of every size, twice, three times: each settles once with a typed error", async () => {
    const guest = await join();
    await guest.link("alice");
    const codes: Promise<string>[] = [];
    for (let index = 0; index < 60; index++) {
      const payload = new Uint8Array(index % 3 === 0 ? 300_000 : 100);
      codes.push(
        guest.request("alice", "echo", payload).then(
          () => "answered",
          (error: TightbeamError) => error.code,
        ),
      );
      codes.push(
        guest.notify("alice", "echo", payload, { confirm: "done" }).then(
          () => "done",
          (error: TightbeamError) => error.code,
        ),
      );
    }
    const closes = [guest.close(), guest.close({ drain: 50 }), guest.close()];
    for (const code of await Promise.all(codes)) expect(["answered", "done", "delivery_unknown", "undelivered", "closed"]).toContain(code);
    await Promise.all(closes);
    expect(guest.status()).toMatchObject({ links: [], transport: "closed", calls: { waiting: 0 }, memory: { used: 0 } });
    await within(5_000, "alice to hear of it", () => field.alice.links(guest.id).length === 0);
    await field.peace();
  });

  it("then everything is refused with `closed`, and links are not to be had", async () => {
    const guest = await join();
    await guest.link("alice");
    const closing = guest.close();
    for (const attempt of [() => guest.request("alice", "echo", 1), () => guest.notify("alice", "echo", 1), () => guest.link("alice")])
      expect((await failure(attempt())).code).toBe("closed");
    await closing;
    for (const attempt of [() => guest.request("alice", "echo", 1), () => guest.notify("alice", "echo", 1), () => guest.link("alice")])
      expect((await failure(attempt())).code).toBe("closed");
    await field.peace();
  });

  it("nobody comes in while the agent says goodbye", async () => {
    const guest = await join();
    const other = await join();
    // Someone linked who never answers the CLOSE: the farewell takes its time.
    await guest.link("alice");
    field.tap.meddle = ({ way, conn, bytes }) => (way === "up" && conn.name === "alice" && carried(bytes)?.kind === 4 ? [] : [bytes]);
    const closing = guest.close();
    await pause(20);
    const late = failure(other.request(guest.id, "echo", 1, { timeout: 500 }));
    await closing;
    hear();
    expect(["no_answer", "handshake_failed"]).toContain((await late).code);
    expect(other.links(guest.id)).toEqual([]);
    await other.close();
    await field.peace();
  });

  it("during a dial: the dial ends with `closed`, at once", async () => {
    const guest = await join();
    deaf(guest.id);
    const pending = [failure(guest.request("alice", "echo", 1)), failure(guest.link("alice")), failure(guest.notify("nobody", "echo"))];
    await pause(20);
    const began = performance.now();
    await guest.close();
    expect(new Set((await Promise.all(pending)).map(({ code }) => code))).toEqual(new Set(["closed"]));
    expect(performance.now() - began).toBeLessThan(5_000);
    hear();
    await field.peace();
  });

  it("of the transport under a dial and under a link: both end with `closed`, and the agent stays closable", async () => {
    const identity = await field.authority.enroll("undermined");
    const transport = await connectWebSocket(field.tap.url, { identity });
    const guest = await createAgent({ identity, trust: field.authority.trust(), transport });
    await guest.link("alice");
    field.alice.handle("waits", () => new Promise(nothing));
    const pending = failure(guest.request("alice", "waits"));
    const dialling = failure(guest.request("nobody", "x"));
    await within(5_000, "the request", () => field.alice.links("undermined").length === 1);
    await transport.close();
    expect(["delivery_unknown", "undelivered"]).toContain((await pending).code);
    expect((await dialling).code).toBe("closed");
    expect(guest.status()).toMatchObject({ transport: "closed", links: [] });
    expect((await failure(guest.request("alice", "echo", 1))).code).toBe("closed");
    await guest.close();
    for (const link of field.alice.links("undermined")) link.close();
    await field.peace();
  });

  it("of an agent by its twin: the older instance's transport is replaced, and its operations say so", async () => {
    const identity = await field.authority.enroll("twin");
    const instance = "t".repeat(22);
    const first = await createAgent({ identity, trust: field.authority.trust(), transport: await connectWebSocket(field.tap.url, { identity, instance }) });
    await first.link("alice");
    field.alice.handle("waits-too", () => new Promise(nothing));
    const pending = failure(first.request("alice", "waits-too"));
    await within(5_000, "the handler", () => field.alice.status().calls.running >= 1);
    const second = await createAgent({ identity, trust: field.authority.trust(), transport: await connectWebSocket(field.tap.url, { identity, instance }) });
    expect((await pending).code).toBe("delivery_unknown");
    expect((await failure(first.request("alice", "echo", 1))).code).toBe("closed");
    expect(await second.request("alice", "echo", "the second")).toBe("the second");
    expect(field.alice.links("twin")).toHaveLength(1);
    await Promise.all([first.close(), second.close()]);
    await field.peace();
  });

  it("while the connection is away: sends wait, and settle when it is closed for good", async () => {
    const guest = await join();
    await guest.link("alice");
    field.tap.meddle = ({ conn, bytes }) => (conn.name === guest.id ? [] : [bytes]);
    for (const conn of [...field.tap.conns]) if (conn.name === guest.id) conn.cut();
    const pending = [failure(guest.request("alice", "echo", 1)), failure(guest.notify("alice", "echo", 1, { confirm: "received" }))];
    await pause(50);
    await guest.close();
    for (const error of await Promise.all(pending)) expect(["delivery_unknown", "undelivered", "closed"]).toContain(error.code);
    hear();
    await field.peace();
  });

  it("during reconnection a send waits and arrives once", async () => {
    const guest = await join();
    let ran = 0;
    field.alice.handle("counts", () => ++ran);
    await guest.link("alice");
    for (const conn of [...field.tap.conns]) if (conn.name === guest.id) conn.cut();
    await within(5_000, "the loss to be noticed", () => guest.status().transport === "down");
    expect(await guest.request("alice", "counts")).toBe(1);
    await guest.close();
    await field.peace();
  });

  it("of the relay for good: requests time out typed, close() still settles", async () => {
    const relay = await createRelay({ port: 0, trust: field.authority.trust() });
    const agents = await Promise.all(
      ["here", "there"].map(async (id) => {
        const identity = await field.authority.enroll(id);
        return createAgent({ identity, trust: field.authority.trust(), transport: await connectWebSocket(relay.url, { identity }) });
      }),
    );
    const [here, there] = agents as [Agent, Agent];
    there.handle("echo", (input) => input);
    expect(await here.request("there", "echo", 1)).toBe(1);
    await relay.close();
    await relay.close();
    expect((await failure(here.request("there", "echo", 2, { timeout: 150 }))).code).toBe("timeout");
    expect(["no_answer", "unavailable"]).toContain((await failure(here.request("elsewhere", "echo", 2, { timeout: 150 }))).code);
    await Promise.all([here.close(), there.close({ drain: 50 })]);
    await field.peace();
  });

  it("with a time to drain that is no number, or no end: it settles all the same", async () => {
    for (const drain of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY]) {
      const guest = await join();
      await guest.link("alice");
      await guest.close({ drain });
      expect(guest.status().transport).toBe("closed");
    }
    await field.peace();
  });
});

describe("times that are none", () => {
  it.each([Number.NaN, -1, 0, Number.POSITIVE_INFINITY, 2 ** 31, "5" as unknown as number])(
    "a timeout of %s is invalid_argument everywhere",
    async (timeout) => {
      for (const attempt of [
        () => field.bob.request("alice", "echo", 1, { timeout }),
        () => field.bob.notify("alice", "echo", 1, { timeout }),
        () => field.bob.link("alice", { timeout }),
        () => field.bob.link("nobody", { timeout }),
      ])
        expect((await failure(attempt())).code).toBe("invalid_argument");
    },
  );
});

describe("a transport that breaks its contract", () => {
  const broken = (real: Transport, send: Transport["send"]): Transport =>
    Object.create(real, { send: { value: send }, capabilities: { value: real.capabilities } }) as Transport;
  it.each<[string, (real: Transport) => Transport["send"]]>([
    ["never settles a send", () => () => new Promise(nothing)],
    ["rejects with what is no error", () => () => Promise.reject("no")],
    [
      "throws",
      () => () => {
        throw new Error("no promise");
      },
    ],
    ["settles late", (real) => async (to: Address, frame: Uint8Array) => pause(5).then(() => real.send(to, frame))],
  ])("%s: nothing is left unhandled, and close() settles", async (name, send) => {
    const identity = await field.authority.enroll("unlucky");
    const real = await connectWebSocket(field.tap.url, { identity });
    const guest = await createAgent({ identity, trust: field.authority.trust(), transport: broken(real, send(real)) });
    const result = await guest.request("alice", "echo", 7, { timeout: 300 }).then(
      (value) => String(value),
      (error: TightbeamError) => error.code,
    );
    expect(name === "settles late" ? ["7"] : ["no_answer", "failed", "handshake_failed", "unavailable"]).toContain(result);
    await guest.close();
    await field.peace();
  });

  it("throws once the link is there: the same as a lost frame", async () => {
    const identity = await field.authority.enroll("unlucky-later");
    const real = await connectWebSocket(field.tap.url, { identity });
    let bad = false;
    const send: Transport["send"] = (to, frame) => (bad ? thrown("no promise") : real.send(to, frame));
    const guest = await createAgent({ identity, trust: field.authority.trust(), transport: broken(real, send) });
    await guest.link("alice");
    bad = true;
    const asked = guest.request("alice", "echo", 8);
    await pause(150);
    bad = false;
    expect(await asked).toBe(8);
    bad = true;
    await guest.close();
    for (const link of field.alice.links("unlucky-later")) link.close();
    await field.peace();
  });
});
