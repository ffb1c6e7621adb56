import { readFileSync } from "node:fs";
import {
  type Agent,
  type AgentEvent,
  type AgentOptions,
  type Authority,
  createAgent,
  createAuthority,
  type MessageMoment,
  method,
  stream,
  type TelemetryEvent,
  topic,
} from "@tightbeam/core";
import { createMemoryStore } from "@tightbeam/core/store";
import { type Address, address, type Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { buildHs1Head } from "../../packages/core/src/frame/handshake.js";
import { tableRows } from "../docs/pages.js";
import { during, loadParts, promptKey } from "./clock.js";
import { createPlace, storeKey } from "./mortal-place.js";

beforeAll(async () => {
  await loadParts();
  await Promise.all([
    import("../../packages/core/src/patterns/topics/topics.js"),
    import("../../packages/core/src/patterns/streams/streams.js"),
    import("../../packages/core/src/patterns/durable/durable.js"),
    import("../../packages/core/src/patterns/dead-letters/dead-letters.js"),
    import("../../packages/core/src/patterns/checkpoints/checkpoints.js"),
    import("../../packages/core/src/patterns/checkpoints/recovery.js"),
  ]);
});

function listen(agent: Agent) {
  const events: TelemetryEvent[] = [];
  const stop = agent.telemetry.on((event) => void events.push(event));
  const messages = () => events.filter((event): event is MessageMoment => event.kind === "message");
  return {
    events,
    stop,
    messages,
    /** What was told of messages of this type, in order. */
    of: (type: MessageMoment["type"]) => messages().filter((event) => event.type === type),
    stages: (type: MessageMoment["type"]) => messages().flatMap((event) => (event.type === type ? [`${event.direction} ${event.what}`] : [])),
  };
}

/** Two agents that are linked, and what each tells of itself from then on. */
async function pair(seed: number, options: () => Partial<AgentOptions> = () => ({})) {
  const place = await createPlace(seed);
  const alice = await place.join("alice", options());
  const bob = await place.join("bob", options());
  await during(place.runtime, bob.agent.link("alice"));
  await place.runtime.advance(100);
  return { place, runtime: place.runtime, alice: alice.agent, bob: bob.agent, heardByAlice: listen(alice.agent), heardByBob: listen(bob.agent) };
}

describe("the life of a message", () => {
  test("TM-210 a request: each stage once, in order, on both sides, with its name, size and times; its reply likewise; nothing of what is in it", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(1);
    alice.handle("echo", (input) => input);
    await during(runtime, bob.request("alice", "echo", { secret: "s3cret" }, { headers: { authorization: "s3cret" } }));
    await runtime.advance(1_000);
    expect(heardByBob.stages("request")).toEqual(["sent queued", "sent sealed", "sent sent", "sent acknowledged", "sent answered"]);
    expect(heardByAlice.stages("request")).toEqual(["received delivered", "received processed"]);
    expect(heardByAlice.stages("response")).toEqual(["sent queued", "sent sealed", "sent sent", "sent acknowledged"]);
    expect(heardByBob.stages("response")).toEqual(["received delivered"]);
    const [queued] = heardByBob.of("request");
    const [delivered] = heardByAlice.of("request");
    expect(queued).toEqual({
      kind: "message",
      at: expect.any(Number),
      what: "queued",
      direction: "sent",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: "request",
      name: "echo",
      peer: { id: "alice", instance: alice.instance },
      priority: "normal",
      bytes: expect.any(Number),
    });
    expect(delivered).toMatchObject({ id: queued?.id, bytes: queued?.bytes, name: "echo", peer: { id: "bob", instance: bob.instance } });
    const answered = heardByBob.of("request").at(-1);
    expect(answered).toMatchObject({ what: "answered", duration: expect.any(Number) });
    expect(heardByBob.of("response")[0]).toMatchObject({ correlationId: queued?.id, name: "echo" });
    expect(heardByAlice.of("response")[0]).toMatchObject({ correlationId: queued?.id, name: "echo" });
    expect(JSON.stringify([heardByAlice.events, heardByBob.events])).not.toContain("s3cret");
    await place.close();
  });

  test("one that fails says why on both sides: the handler's fault, no handler, its time, its caller", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(2);
    alice.handle("broken", () => {
      throw new Error("secret reason");
    });
    alice.handle("slow", () => new Promise(() => undefined));
    const ended = (call: Promise<unknown>) =>
      during(
        runtime,
        call.catch((error: unknown) => error),
      );
    await ended(bob.request("alice", "broken"));
    await ended(bob.request("alice", "nothing"));
    await ended(bob.request("alice", "slow", 1, { timeout: 500 }));
    await runtime.advance(1_000);
    const failures = ({ messages }: typeof heardByBob) => messages().flatMap(({ what, type, code }) => (what === "failed" && type === "request" ? [code] : []));
    expect(failures(heardByBob)).toEqual(["handler_failed", "no_handler", "timeout"]);
    expect(failures(heardByAlice)).toEqual(["handler_failed", "no_handler"]);
    expect(heardByAlice.stages("error")).toEqual(Array(2).fill(["sent queued", "sent sealed", "sent sent", "sent acknowledged"]).flat());
    await place.close();
  });

  test("a notification, and one that waits for its handler", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(3);
    alice.handle("note", () => undefined);
    await during(runtime, bob.notify("alice", "note", 1));
    await runtime.advance(1_000);
    expect(heardByBob.stages("notification")).toEqual(["sent queued", "sent sealed", "sent sent", "sent acknowledged"]);
    expect(heardByAlice.stages("notification")).toEqual(["received delivered", "received processed"]);
    await during(runtime, bob.notify("alice", "note", 1, { confirm: "done" }));
    expect(heardByBob.stages("notification").at(-1)).toBe("sent processed");
    await expect(during(runtime, bob.notify("alice", "other", 1, { confirm: "done" }))).rejects.toMatchObject({ code: "no_handler" });
    expect(heardByBob.of("notification").at(-1)).toMatchObject({ what: "failed", code: "no_handler" });
    await place.close();
  });

  test("one whose time is over when it comes is expired; one that nobody took is failed", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(4);
    alice.handle("note", () => undefined);
    place.dead.add("alice");
    await during(runtime, bob.notify("alice", "note", 1, { ttl: 100 }));
    await runtime.advance(2_000);
    place.dead.delete("alice");
    await runtime.advance(2_000);
    expect(heardByAlice.of("notification").at(-1)).toMatchObject({ what: "expired", code: "expired" });
    place.dead.add("alice");
    await during(runtime, bob.notify("alice", "note", 2));
    await runtime.advance(60_000);
    expect(heardByBob.of("notification").at(-1)).toMatchObject({ what: "failed", code: "delivery_unknown" });
    expect(heardByBob.events).toContainEqual(
      expect.objectContaining({ kind: "link", what: "ended", code: "delivery_unknown", undelivered: 1, peer: { id: "alice", instance: alice.instance } }),
    );
    await place.close();
  });

  test("a stream: its opening and its end", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(5);
    const words = stream("words", {});
    alice.handle(words, async function* () {
      yield "a";
      yield "b";
    });
    const read = async () => {
      const said: unknown[] = [];
      for await (const word of bob.stream("alice", words)) said.push(word);
      return said;
    };
    expect(await during(runtime, read())).toEqual(["a", "b"]);
    await runtime.advance(1_000);
    expect(heardByBob.stages("stream")).toEqual(["sent queued", "sent sealed", "sent sent", "sent acknowledged", "sent answered"]);
    expect(heardByAlice.stages("stream")).toEqual(["received delivered", "received processed"]);
    const nothing = bob.stream("alice", "nothing");
    await expect(during(runtime, nothing.result)).rejects.toMatchObject({ code: "no_handler" });
    await runtime.advance(100);
    expect(heardByBob.of("stream").at(-1)).toMatchObject({ what: "failed", code: "no_handler" });
    expect(heardByAlice.of("stream").at(-1)).toMatchObject({ what: "failed", code: "no_handler" });
    await place.close();
  });

  test("an event, for each subscriber; what its handlers do with it", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(6);
    const progress = topic("progress");
    await during(
      runtime,
      alice.subscribe(
        progress,
        (value) => {
          if (value === 2) throw new Error("no");
        },
        { from: ["bob"], ready: 1 },
      ),
    );
    await during(runtime, bob.publish(progress, 1));
    await during(runtime, bob.publish(progress, 2));
    await runtime.advance(1_000);
    const each = ["sent queued", "sent sealed", "sent sent", "sent acknowledged"];
    expect(heardByBob.stages("event").sort()).toEqual([...each, ...each].sort());
    expect(heardByAlice.stages("event")).toEqual(["received delivered", "received processed", "received delivered", "received failed"]);
    expect(heardByAlice.of("event").at(-1)).toMatchObject({ name: "progress", code: "handler_failed" });
    await place.close();
  });

  test("a durable message: each try, and the dead letter", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(7, () => ({
      store: createMemoryStore(),
      storeKey,
      durable: { maxDeliveries: 2 },
    }));
    let tries = 0;
    alice.handle("keep", () => {
      if (++tries === 1) throw new Error("once");
    });
    await during(runtime, bob.notify("alice", "keep", 1, { durable: true, confirm: "done" }));
    await runtime.advance(1_000);
    expect(heardByAlice.messages().map(({ what, attempt, durable }) => [what, attempt, durable])).toEqual([
      ["delivered", undefined, true],
      ["failed", 1, true],
      ["processed", 2, true],
    ]);
    expect(heardByBob.stages("notification")).toEqual(["sent queued", "sent sealed", "sent sent", "sent acknowledged", "sent processed"]);
    expect(heardByBob.of("notification")[0]).toMatchObject({ durable: true, name: "keep" });
    alice.handle("never", () => {
      throw new Error("never");
    });
    await during(
      runtime,
      bob.notify("alice", "never", 1, { durable: true, confirm: "done" }).catch(() => undefined),
    );
    await runtime.advance(1_000);
    expect(
      heardByAlice
        .messages()
        .slice(3)
        .map(({ what, attempt }) => [what, attempt]),
    ).toEqual([
      ["delivered", undefined],
      ["failed", 1],
      ["failed", 2],
      ["dead_lettered", 2],
    ]);
    expect(heardByBob.of("notification").at(-1)).toMatchObject({ what: "dead_lettered" });
    await place.close();
  });
});

describe("what an owner should look at", () => {
  test("frames that are forged, repeated or for no session, a suite that is not spoken, and calls that are not permitted", async () => {
    const place = await createPlace(10);
    const { runtime, authority } = place;
    const hub = createHub({ runtime });
    const seen: { to: Address; frame: Uint8Array }[] = [];
    const join = async (id: string, options: Partial<AgentOptions> = {}, permissions: readonly string[] = []) => {
      const medium = await connectMemory(hub);
      const send: Transport["send"] = (to, frame) => {
        seen.push({ to, frame: frame.slice() });
        return medium.send(to, frame);
      };
      const { capabilities, state, closed, close, subscribe } = medium;
      const transport: Transport = { capabilities, state, closed, close, subscribe, send };
      const identity = await authority.enroll(id, { key: await promptKey(), permissions });
      return createAgent({ identity, trust: authority.trust(), transport, runtime, presence: false, ...options });
    };
    const alice = await join("alice", { policy: "token" });
    const bob = await join("bob", {}, ["call:allowed"]);
    const heard = listen(alice);
    alice.handle("allowed", () => undefined);
    alice.handle("forbidden", () => undefined);
    const stranger = await connectMemory(hub);
    await during(runtime, bob.request("alice", "allowed"));
    const last = seen.filter(({ to, frame }) => to.startsWith("inbox/alice") && ((frame[0] as number) & 15) === 4).at(-1);
    if (last === undefined) throw new Error("nothing was sent");
    await stranger.send(last.to, last.frame);
    const forged = last.frame.slice();
    // A counter that has not come yet, under a tag that is not its own.
    forged[19] = (forged[19] as number) + 100;
    for (let n = 0; n < 50; n++) await stranger.send(last.to, forged);
    const lost = last.frame.slice();
    lost.fill(0x11, 4, 12);
    await stranger.send(last.to, lost);
    await runtime.advance(100);
    await during(
      runtime,
      bob.request("alice", "forbidden").catch(() => undefined),
    );
    await runtime.advance(1_500);
    const security = heard.events.flatMap((event) => (event.kind === "security" ? [event] : []));
    const of = (what: string) => security.filter((event) => event.what === what).map(({ reason, count, peer, instance }) => [reason, count, peer, instance]);
    expect(of("replayed")).toEqual([["replayed", 1, "bob", undefined]]);
    expect(of("forged")).toEqual([
      ["auth", 1, "bob", undefined],
      ["auth", 49, "bob", undefined],
    ]);
    expect(of("unknown_key")).toEqual([["no_session", 1, undefined, undefined]]);
    expect(of("refused")).toEqual([["forbidden", 1, "bob", bob.instance]]);
    await during(runtime, Promise.all([alice.close(), bob.close()]));
    await place.close();
  });

  test("who is refused for his token, and whose that is", async () => {
    const place = await createPlace(12);
    const { runtime, authority } = place;
    const hub = createHub({ runtime });
    const make = async (of: Authority, id: string) =>
      createAgent({
        identity: await of.enroll(id, { key: await promptKey() }),
        trust: of.trust(),
        transport: await connectMemory(hub),
        runtime,
        presence: false,
      });
    const elsewhere = await createAuthority({ issuer: "https://elsewhere.example", runtime, key: await promptKey() });
    const alice = await make(authority, "alice");
    const eve = await make(elsewhere, "eve");
    const heard = listen(alice);
    const failures: AgentEvent[] = [];
    for (const agent of [alice, eve]) agent.onEvent((event) => void failures.push(event));
    await during(
      runtime,
      alice.request("eve", "anything", {}, { timeout: 5_000 }).catch(() => undefined),
    );
    await during(
      runtime,
      eve.request("alice", "anything", {}, { timeout: 5_000 }).catch(() => undefined),
    );
    await runtime.advance(1_500);
    expect(heard.events.flatMap((event) => (event.kind === "security" ? [[event.what, event.reason, event.peer, event.instance]] : []))).toContainEqual([
      "refused",
      "unknown_issuer",
      "eve",
      undefined,
    ]);
    const untrusted = expect.objectContaining({ code: "unknown_issuer", message: expect.stringContaining("'https://elsewhere.example' as it says") });
    expect(failures).toContainEqual({ type: "failed", role: "initiator", peer: "eve", error: untrusted });
    await during(runtime, Promise.all([alice.close(), eve.close()]));
    await place.close();
  });

  test("somebody who offers only a suite that is not spoken here", async () => {
    const place = await createPlace(11);
    const { runtime, authority } = place;
    const hub = createHub({ runtime });
    const identity = await authority.enroll("alice", { key: await promptKey() });
    const alice = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), runtime, presence: false });
    const heard = listen(alice);
    const stranger = await connectMemory(hub);
    const instance = "a".repeat(22);
    const hello = buildHs1Head({ suite: 0x0001, sessionId: new Uint8Array(8).fill(1), replyTo: `inbox/eve/${instance}`, suites: [0x0001] });
    for (let n = 0; n < 3; n++) await stranger.send(address("agent/alice"), Uint8Array.of(...hello, ...new Uint8Array(200)));
    await runtime.advance(1_500);
    const told = heard.events.flatMap((event) => (event.kind === "security" ? [[event.what, event.reason, event.count]] : []));
    expect(told).toEqual([
      ["downgrade", "no_common_suite", 1],
      ["downgrade", "no_common_suite", 2],
    ]);
    await during(runtime, alice.close());
    await place.close();
  });
});

describe("what else is told", () => {
  test("the agent, its links, sessions and peers; method is optional", async () => {
    const place = await createPlace(8);
    const { runtime } = place;
    const alice = await place.join("alice");
    const bob = await place.join("bob");
    const heard = listen(bob.agent);
    await during(runtime, bob.agent.link("alice"));
    alice.agent.handle(method("later"), () => undefined);
    await runtime.advance(100);
    await runtime.advance(20 * 60_000);
    await during(runtime, bob.agent.request("alice", "later"));
    await during(runtime, bob.agent.close());
    const told = heard.events.flatMap((event) => (event.kind === "message" || event.kind === "security" ? [] : [`${event.kind} ${event.what}`]));
    expect(told).toEqual(
      expect.arrayContaining(["agent opened", "link up", "session established", "peer up", "session rekeyed", "link ended", "peer gone", "agent closed"]),
    );
    // It closed its transport itself: that is nothing to be warned of.
    expect(told).not.toContain("agent transport_down");
    expect(heard.events.find(({ kind }) => kind === "session")).toMatchObject({
      what: "established",
      suite: 0x0101,
      peer: { id: "alice", instance: alice.agent.instance },
      epoch: { send: 0, receive: 0 },
    });
    await place.close();
  });

  test("TM-211 a listener that throws, or rejects, keeps nothing from the others nor from the call; one that left hears nothing", async () => {
    const { place, runtime, alice, bob, heardByBob } = await pair(9);
    alice.handle("echo", (input) => input);
    const stopThrowing = bob.telemetry.on(() => {
      throw new Error("mine");
    });
    bob.telemetry.on(async () => {
      throw new Error("mine too");
    });
    expect(await during(runtime, bob.request("alice", "echo", 1))).toBe(1);
    expect(heardByBob.stages("request").at(-1)).toBe("sent answered");
    stopThrowing();
    heardByBob.stop();
    heardByBob.stop();
    const before = heardByBob.events.length;
    expect(bob.telemetry.listened).toBe(true);
    await during(runtime, bob.request("alice", "echo", 2));
    expect(heardByBob.events).toHaveLength(before);
    await place.close();
  });

  test("TM-211 a listener whose wishes throw is told of everything, and keeps nothing from the call", async () => {
    const { place, runtime, alice, bob } = await pair(9);
    alice.handle("echo", (input) => input);
    const thrower = (): never => {
      throw new Error("mine");
    };
    const stages: string[] = [];
    bob.telemetry.on(
      (event) => {
        if (event.kind === "message" && event.type === "request") stages.push(event.what);
      },
      { messages: thrower, follow: thrower },
    );
    expect(await during(runtime, bob.request("alice", "echo", 1))).toBe(1);
    expect([stages[0], stages.at(-1)]).toEqual(["queued", "answered"]);
    await place.close();
  });

  test("TM-211 a listener that leaves and comes back with every event is told each once", async () => {
    const { place, runtime, alice, bob, heardByBob } = await pair(10);
    alice.handle("echo", (input) => input);
    heardByBob.stop();
    const heard: TelemetryEvent[] = [];
    const listenAgain = (): (() => void) =>
      bob.telemetry.on((event) => {
        heard.push(event);
        if (heard.length > 1_000) throw new Error("told for ever");
        end();
        end = listenAgain();
      });
    let end = listenAgain();
    expect(await during(runtime, bob.request("alice", "echo", 1))).toBe(1);
    await runtime.advance(1_000);
    expect(heard.flatMap((event) => (event.kind === "message" && event.type === "request" ? [event.what] : []))).toEqual([
      "queued",
      "sealed",
      "sent",
      "acknowledged",
      "answered",
    ]);
    await place.close();
  });

  test("TM-211 a listener that closes its agent at any stage of a message ends that agent and nothing else", async () => {
    for (const stage of ["queued", "sealed", "sent", "acknowledged", "delivered", "processed"] as const) {
      const { place, runtime, alice, bob } = await pair(11);
      alice.handle("echo", (input) => input);
      const closer = stage === "delivered" || stage === "processed" ? alice : bob;
      let closed: Promise<void> | undefined;
      closer.telemetry.on((event) => {
        if (event.kind === "message" && event.what === stage) closed ??= closer.close();
      });
      const outcome = await during(
        runtime,
        bob.request("alice", "echo", 1, { timeout: 5_000 }).then(
          () => "answered",
          ({ code }: { code: string }) => code,
        ),
      );
      expect([stage, outcome]).toEqual([stage, expect.stringMatching(/^(?:answered|closed|delivery_unknown|undelivered)$/)]);
      expect([stage, closed]).toEqual([stage, expect.any(Promise)]);
      await during(runtime, closed ?? Promise.resolve());
      const carol = await place.join("carol");
      const other = closer === alice ? bob : alice;
      other.handle("still", () => "here");
      expect(await during(runtime, carol.agent.request(other.id, "still"))).toBe("here");
      await place.close();
    }
  });
});

describe("who follows a message", () => {
  test("is told what the listener would be, without an event: each stage, with its time, duration and code; nothing secret is in what is followed", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(23);
    const told: unknown[][] = [];
    const instead: TelemetryEvent[] = [];
    const names = new Set<string>();
    for (const agent of [alice, bob])
      agent.telemetry.on((event) => void (event.kind === "message" && instead.push(event)), {
        follow: (first) => ({
          told(message, what, at, duration, code, attempt) {
            // Its reply is told to the same follower.
            if (message !== first) expect(message.correlationId).toBe(first.id);
            for (const name of Object.keys(message)) names.add(name);
            const { direction, id, correlationId, type, name, bytes } = message;
            told.push([agent.id, at, what, direction, id, correlationId, type, name, bytes, duration, code, attempt]);
            throw new Error("a follower's failure is its own");
          },
        }),
      });
    alice.handle("echo", (input) => input);
    alice.handle("fails", () => {
      throw new Error("no");
    });
    await during(runtime, bob.request("alice", "echo", 1));
    await during(runtime, bob.notify("alice", "echo", 1, { confirm: "done" }));
    await during(
      runtime,
      bob.request("alice", "fails", 1).catch(() => undefined),
    );
    await runtime.advance(1_000);
    expect(instead).toEqual([]);
    for (const [agent, heard] of [
      [alice, heardByAlice],
      [bob, heardByBob],
    ] as const)
      expect(told.filter(([id]) => id === agent.id)).toEqual(
        heard
          .messages()
          .map(({ at, what, direction, id, correlationId, type, name, bytes, duration, code, attempt }) => [
            agent.id,
            ...[at, what, direction, id, correlationId, type, name, bytes, duration, code, attempt],
          ]),
      );
    expect(told.length).toBeGreaterThan(30);
    expect([...names].toSorted()).toEqual(["bytes", "confirmed", "correlationId", "direction", "durable", "id", "name", "peer", "priority", "type"]);
    await place.close();
  });

  test("is asked once for each message that the listener wants, and not for its reply; who is not there, or throws, leaves it to the listener, and so does what nobody wanted and fails", async () => {
    const { place, runtime, alice, bob, heardByAlice, heardByBob } = await pair(24);
    heardByAlice.stop();
    heardByBob.stop();
    const asked: string[] = [];
    let followed = 0;
    const listened: string[] = [];
    let wants = true;
    bob.telemetry.on((event) => void (event.kind === "message" && listened.push(`${event.name} ${event.direction} ${event.what}`)), {
      messages: () => wants,
      follow({ name, direction, type }) {
        asked.push(`${name} ${direction} ${type}`);
        if (name === "throws") throw new Error("no");
        return name === "left" ? undefined : { told: () => void followed++ };
      },
    });
    for (const name of ["followed", "left", "throws"]) {
      alice.handle(name, () => undefined);
      await during(runtime, bob.request("alice", name, 1));
      await runtime.advance(1_000);
    }
    expect(asked).toEqual(["followed", "left", "throws"].map((name) => `${name} sent request`));
    expect(followed).toBe(6);
    expect(listened.toSorted()).toEqual(
      ["left", "throws"]
        .flatMap((name) => [...["queued", "sealed", "sent", "acknowledged", "answered"].map((what) => `${name} sent ${what}`), `${name} received delivered`])
        .toSorted(),
    );
    wants = false;
    listened.length = 0;
    await during(
      runtime,
      bob.request("alice", "missing", 1).catch(() => undefined),
    );
    expect([asked.length, listened]).toEqual([3, ["missing sent failed"]]);
    await place.close();
  });
});

test("docs/telemetry.md has every kind of event, with all it can be", () => {
  const shown = tableRows({ path: "docs/telemetry.md", text: readFileSync(new URL("../../docs/telemetry.md", import.meta.url), "utf8") }, "telemetry events");
  const types = readFileSync(new URL("../../packages/core/src/telemetry/types.ts", import.meta.url), "utf8");
  const stages = /MessageStage =([^;]+);/.exec(types)?.[1] ?? "";
  const quoted = (text: string): readonly string[] => [...text.matchAll(/"([a-z_]+)"/g)].map(([, word = ""]) => word).sort();
  const declared = [...types.matchAll(/readonly kind: "(\w+)";[\s\S]*?readonly what: ([^;]+);/g)].map(([, kind = "", what = ""]) => [
    kind,
    quoted(what === "MessageStage" ? stages : what),
  ]);
  expect(shown.map(([kind = "", what = ""]) => [kind, what.split(" ").sort()])).toEqual(declared);
});

test("over a real socket: each stage once, in order, on both sides", async () => {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const relay = await createRelay({ port: 0, trust: authority.trust() });
  const join = async (id: string) => {
    const identity = await authority.enroll(id);
    return createAgent({ identity, trust: authority.trust(), transport: await connectWebSocket(relay.url, { identity }) });
  };
  const [alice, bob] = [await join("alice"), await join("bob")];
  alice.handle("echo", (input) => input);
  await bob.link("alice");
  const [heardByAlice, heardByBob] = [listen(alice), listen(bob)];
  await bob.request("alice", "echo", 1);
  await vi.waitFor(() => expect(heardByAlice.stages("response")).toContain("sent acknowledged"), { timeout: 20_000 });
  expect(heardByBob.stages("request")).toEqual(["sent queued", "sent sealed", "sent sent", "sent acknowledged", "sent answered"]);
  expect(heardByAlice.stages("request")).toEqual(["received delivered", "received processed"]);
  expect(heardByAlice.stages("response")).toEqual(["sent queued", "sent sealed", "sent sent", "sent acknowledged"]);
  expect(heardByBob.stages("response")).toEqual(["received delivered"]);
  expect(bob.status().medium).toBe("websocket");
  await Promise.all([alice.close(), bob.close()]);
  await relay.close();
});
