import { injectFaults } from "@tightbeam/conformance/faults";
import { type Agent, createAgent, createAuthority, stream, type TightbeamError } from "@tightbeam/core";
import { createIdentity } from "@tightbeam/core/identity";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { connectMemory, createHub } from "@tightbeam/memory";
import { beforeAll, describe, expect, test } from "vitest";
import { during, loadParts, promptKey } from "./clock.js";

const hour = 3_600_000;

beforeAll(loadParts);

describe("links through time", () => {
  test("25 hours with hourly tokens, rotated keys and an authority that is down for 20 minutes: one link, every request answered", async () => {
    const runtime = createVirtualRuntime({ seed: 7 });
    const authority = await createAuthority({ runtime, lifetime: hour, key: await promptKey() });
    const hub = createHub({ runtime });
    let down = false;
    let refused = 0;
    const join = async (id: string) => {
      const identity = createIdentity({
        id,
        key: await promptKey(),
        runtime,
        issue: async ({ publicJwk }) => {
          if (down) {
            refused++;
            throw new Error("the authority is down");
          }
          return authority.issue({ id, publicKey: publicJwk });
        },
      });
      // A hint a minute: each is signed and checked, and nobody is sought here.
      const presence = { every: 60_000 };
      return { identity, agent: await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), runtime, presence }) };
    };
    const alice = await join("alice");
    const bob = await join("bob");
    const ended: TightbeamError[] = [];
    for (const { agent } of [alice, bob]) {
      agent.onEvent((event) => {
        if (event.type === "link_ended") ended.push(event.error);
      });
    }
    alice.agent.handle("echo", (input) => input);
    bob.agent.handle("echo", (input) => input);
    const first = await during(runtime, bob.agent.link("alice"));
    const generations = new Set<number>();
    const keys = new Set<string>();
    let answered = 0;
    for (let minute = 0; minute < 25 * 60; minute += 2) {
      if (minute === 6 * 60) await during(runtime, authority.rotateKey(await promptKey()));
      if (minute === 10 * 60) await during(runtime, bob.identity.rotateKey(await promptKey()));
      // Every 80 minutes for a while, so that some outages fall on a renewal whatever its jitter.
      down = minute >= 15 * 60 && minute < 22 * 60 && minute % 80 < 20;
      expect(await during(runtime, bob.agent.request("alice", "echo", minute))).toBe(minute);
      expect(await during(runtime, alice.agent.request("bob", "echo", -minute - 1))).toBe(-minute - 1);
      answered += 2;
      generations.add(first.status().generation);
      keys.add((alice.agent.links("bob")[0] as NonNullable<ReturnType<Agent["links"]>[0]>).peer.thumbprint);
      await runtime.advance(2 * 60_000);
    }
    expect(answered).toBe(25 * 60);
    expect(ended).toEqual([]);
    expect(bob.agent.links("alice")).toEqual([first]);
    expect(first.state).toBe("up");
    expect(generations.size).toBeGreaterThanOrEqual(25);
    expect(keys.size).toBe(2);
    expect(refused).toBeGreaterThan(0);
    expect(first.status().sessions).toBeLessThanOrEqual(2);
    await during(runtime, Promise.all([alice.agent.close(), bob.agent.close()]));
  }, 120_000);

  test("G-30 G-40 a stream both ways and a subscription go on through three renewed sessions, with frames lost and the medium cut: each chunk and event once, in order", async () => {
    const runtime = createVirtualRuntime({ seed: 10 });
    const authority = await createAuthority({ runtime, lifetime: hour / 6, key: await promptKey() });
    const hub = createHub({ runtime });
    const join = async (id: string, seed: number) => {
      const identity = createIdentity({ id, key: await promptKey(), runtime, issue: ({ publicJwk }) => authority.issue({ id, publicKey: publicJwk }) });
      const transport = injectFaults(await connectMemory(hub), { seed, runtime, drop: 0.1, duplicate: 0.05, delay: { min: 0, max: 20 } });
      return createAgent({ identity, trust: authority.trust(), transport, runtime, presence: false });
    };
    const [alice, bob] = [await join("alice", 1), await join("bob", 2)];
    const tells: string[] = [];
    for (const agent of [alice, bob])
      agent.onEvent(({ type }) => {
        if (type === "link_ended" || type === "unsubscribed" || type === "subscriber" || type === "subscriber_slow") tells.push(`${agent.id} ${type}`);
      });
    const opened = stream("echo");
    let served = 0;
    alice.handle(opened, async function* (_, { source }) {
      served++;
      yield* source;
      return "whole";
    });
    alice.publishes("ticks");
    const heard: unknown[] = [];
    await during(
      runtime,
      bob.subscribe("ticks", (tick) => void heard.push(tick), { from: ["alice"], ready: 1 }),
    );
    const both = bob.stream("alice", opened);
    const said: unknown[] = [];
    const reading = (async () => {
      for await (const chunk of both) said.push(chunk);
    })();
    const [link] = bob.links("alice");
    const generations = new Set<number>();
    const total = 1_000;
    for (let number = 0; number < total; number++) {
      // Five at once: most of the time some are under way.
      await during(runtime, Promise.all([both.write(number), alice.publish("ticks", number)]), 100);
      if (number % 5 === 4) await runtime.advance(12_000);
      if (number % 250 === 120) hub.cut();
      if (number % 250 === 120) void runtime.timers.after(300, () => hub.restore());
      generations.add(link?.status().generation as number);
    }
    await during(runtime, both.end());
    expect(await during(runtime, both.result)).toBe("whole");
    await during(runtime, reading);
    while (heard.length < total) await runtime.advance(100);
    const all = Array.from({ length: total }, (_, number) => number);
    expect([said, heard]).toEqual([all, all]);
    expect(generations.size).toBeGreaterThanOrEqual(4);
    expect([served, bob.links("alice"), link?.state]).toEqual([1, [link], "up"]);
    // Nobody subscribed a second time, and nobody was given up.
    expect(tells).toEqual(["alice subscriber"]);
    await during(runtime, Promise.all([alice.close(), bob.close()]));
  }, 120_000);

  test("a revoked agent loses its live links within a minute, and gets no new one", async () => {
    const runtime = createVirtualRuntime({ seed: 8 });
    const authority = await createAuthority({ runtime, key: await promptKey() });
    const hub = createHub({ runtime });
    const join = async (id: string) =>
      createAgent({ identity: await authority.enroll(id, { key: await promptKey() }), trust: authority.trust(), transport: await connectMemory(hub), runtime });
    const alice = await join("alice");
    const bob = await join("bob");
    alice.handle("echo", (input) => input);
    const reasons: string[] = [];
    alice.onEvent((event) => {
      if (event.type === "link_ended") reasons.push(event.error.code);
    });
    await during(runtime, bob.request("alice", "echo", 1));
    authority.revoke({ id: "bob" });
    await runtime.advance(61_000);
    expect(reasons).toEqual(["revoked_token"]);
    const error = await during(
      runtime,
      bob.request("alice", "echo", 2, { timeout: 15_000 }).then(
        () => undefined,
        (thrown: TightbeamError) => thrown,
      ),
    );
    expect(error?.code).toBe("handshake_failed");
    await during(runtime, Promise.all([alice.close(), bob.close()]));
  }, 60_000);

  test("a peer that vanishes is suspect soon and gone after goneAfter; what was pending says so", async () => {
    const runtime = createVirtualRuntime({ seed: 9 });
    const authority = await createAuthority({ runtime, key: await promptKey() });
    const hub = createHub({ runtime });
    const join = async (id: string, transport = connectMemory(hub)) =>
      createAgent({
        identity: await authority.enroll(id, { key: await promptKey() }),
        trust: authority.trust(),
        transport: await transport,
        runtime,
        goneAfter: 5_000,
      });
    const bob = await join("bob");
    const inner = await connectMemory(hub);
    let dead = false;
    const alice = await join(
      "alice",
      Promise.resolve({
        ...inner,
        capabilities: inner.capabilities,
        state: inner.state,
        closed: inner.closed,
        subscribe: (at, receive, options) => inner.subscribe(at, (frame) => (dead ? undefined : receive(frame)), options),
        send: (to, frame) => (dead ? Promise.resolve() : inner.send(to, frame)),
        close: () => inner.close(),
      }),
    );
    alice.handle("echo", (input) => input);
    const link = await during(runtime, bob.link("alice"));
    expect(await during(runtime, bob.request("alice", "echo", 1))).toBe(1);
    dead = true;
    // The handshake before took as long, on this clock, as the threads that verify its tokens took on the machine's.
    const vanished = runtime.now;
    const outcome = bob.request("alice", "echo", 2, { timeout: 60_000 }).then(
      () => undefined,
      (error: TightbeamError) => error,
    );
    await runtime.advance(1_500);
    expect(link.state).toBe("suspect");
    await runtime.advance(3_000);
    expect(link.state).toBe("suspect");
    const error = await during(runtime, outcome);
    expect(error?.code).toBe("delivery_unknown");
    expect(link.state).toBe("ended");
    expect(runtime.now - vanished).toBeLessThan(10_000);
    await during(runtime, Promise.all([alice.close(), bob.close()]));
  }, 60_000);
});

describe("two sides dialling at once", () => {
  test("1,000 times: one link each time, nothing doubled", async () => {
    const authority = await createAuthority();
    const hub = createHub();
    const join = async (id: string) => createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub) });
    const alice = await join("alice");
    const bob = await join("bob");
    const runs = new Map<string, number>();
    for (const agent of [alice, bob]) {
      agent.handle("once", (input, { peer }) => {
        const key = `${peer.id} ${String(input)}`;
        runs.set(key, (runs.get(key) ?? 0) + 1);
        return input;
      });
    }
    let both = 0;
    for (let round = 0; round < 1_000; round++) {
      await Promise.all([alice.request("bob", "once", round), bob.request("alice", "once", round)]);
      const [a, b] = [alice.links("bob"), bob.links("alice")];
      expect([a.length, b.length]).toEqual([1, 1]);
      if ((a[0]?.status().sessions ?? 0) > 1) both++;
      a[0]?.close();
      while (bob.links().length > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(runs.size).toBe(2_000);
    expect(new Set(runs.values())).toEqual(new Set([1]));
    // The race is real: both handshakes finished nearly every time.
    expect(both).toBeGreaterThan(500);
    await Promise.all([alice.close(), bob.close()]);
    // 2,000 handshakes: 18 s of CPU, which a busy machine gives in as many minutes as it likes.
  }, 300_000);
});
