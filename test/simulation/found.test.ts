import { isTightbeamError, stream } from "@tightbeam/core";
import { type Fault, type Program, simulate } from "@tightbeam/simulation";
import { expect, it } from "vitest";

// What simulations have found, each in the few lines that are left of it.

it("a durable message that was to go over a link that ended before it was opened finds another way", async () => {
  const bob: Program = async ({ createAgent, disk, sleep }) => {
    const agent = await createAgent({ store: disk.open(), storeKey: disk.key, goneAfter: 3_000 });
    await agent.link("alice");
    await sleep(600);
    await agent.notify("alice", "job", 1, { durable: true });
  };
  const alice: Program = async ({ createAgent }) => {
    const agent = await createAgent({ goneAfter: 3_000 });
    agent.handle("job", () => undefined);
  };
  await simulate({ seed: 1, agents: { alice, bob }, faults: [{ kind: "crash", agent: "alice", at: 500, for: 1_400 }], duration: 3_000, drain: 40_000 });
});

it("a clock that jumps is measured again: what came after it was called expired for as long as the link lived", async () => {
  for (const by of [-400_000, 400_000]) {
    const bob: Program = async ({ createAgent }) => (await createAgent()).handle("ask", (input) => input);
    const alice: Program = async ({ createAgent, sleep, note }) => {
      const agent = await createAgent();
      for (let number = 0; number < 5; number++) {
        await agent.request("bob", "ask", number, { timeout: 500 }).then(
          () => note("answered", number),
          (error: unknown) => note("failed", isTightbeamError(error) && error.code),
        );
        await sleep(100);
      }
    };
    for (const agent of ["alice", "bob"]) {
      const { trace } = await simulate({ seed: 1, agents: { alice, bob }, faults: [{ kind: "jump", agent, at: 150, by }], duration: 3_000 });
      const noted = trace.flatMap((event) => (event.type === "note" ? [`${event.name} ${event.value}`] : []));
      const wrong = noted.filter((text) => text === "failed expired");
      expect(wrong.length).toBeLessThanOrEqual(1);
      expect(noted).toHaveLength(5);
      expect(noted.filter((text) => text.startsWith("answered")).length).toBe(5 - wrong.length);
    }
  }
});

it("G-11 a request that ran in a process that died is not called expired by the next one", async () => {
  const bob: Program = async ({ createAgent, incarnation }) => {
    const agent = await createAgent({ goneAfter: 2_000 });
    agent.handle("pay", () => (incarnation === 0 ? new Promise(() => undefined) : "paid"));
  };
  const alice: Program = async ({ createAgent, note }) => {
    const agent = await createAgent({ goneAfter: 2_000 });
    await agent.link("bob");
    await agent
      .request("bob", "pay", 1, { idempotencyKey: "order-1", ttl: 400, timeout: 8_000 })
      .catch((error: unknown) => note("ended", isTightbeamError(error) && error.code));
  };
  const { trace } = await simulate({ seed: 1, agents: { alice, bob }, faults: [{ kind: "crash", agent: "bob", at: 100, for: 500 }], duration: 1_000 });
  expect(trace.flatMap((event) => (event.type === "note" ? [event.value] : []))).toEqual(["delivery_unknown"]);
});

it("G-41 what a subscription has had of a publisher does not come again over another link with the same instance", async () => {
  const alice: Program = async ({ createAgent, sleep }) => {
    const agent = await createAgent({ goneAfter: 600 });
    agent.publishes("news", { retain: 5 });
    for (let number = 0; number < 6; number++) {
      await sleep(number < 4 ? 300 : 10_000);
      await agent.publish("news", number);
    }
  };
  const bob: Program = async ({ createAgent, note }) => {
    const agent = await createAgent({ goneAfter: 600 });
    await agent.subscribe("news", (event, { replayed }) => note("heard", `${event}${replayed ? " late" : ""}`), { replay: 3 });
  };
  const parted: Fault = { kind: "partition", from: "alice", to: "bob", at: 1_000, for: 5_000 };
  const { trace } = await simulate({ seed: 1, agents: { alice, bob }, faults: [parted], duration: 30_000 });
  expect(trace.flatMap((event) => (event.type === "note" ? [event.value] : []))).toEqual(["0", "1", "2", "3 late", "4", "5"]);
});

it("G-72 a message whose try a full disk has no room for is not passed by those that were sent after it", async () => {
  const handled: string[] = [];
  const bob: Program = async ({ createAgent, disk }) => {
    const agent = await createAgent({ store: disk.open(), storeKey: disk.key });
    agent.handle("job", (input) => void handled.push(String(input)));
  };
  const alice: Program = async ({ createAgent, disk, incarnation, sleep }) => {
    const agent = await createAgent({ store: disk.open(), storeKey: disk.key });
    if (incarnation === 0) await sleep(100);
    for (const number of [1, 2]) await agent.notify("bob", "job", `${incarnation} ${number}`, { durable: true });
  };
  const faults: readonly Fault[] = [
    { kind: "oneWay", from: "bob", to: "alice", at: 50, for: 1_000 },
    { kind: "crash", agent: "alice", at: 300, for: 100 },
    { kind: "full", agent: "bob", at: 200, for: 4_000 },
  ];
  await simulate({ seed: 1, agents: { alice, bob }, faults, duration: 5_000 });
  expect(handled).toEqual(["0 1", "0 2", "1 1", "1 2"]);
});

it("G-36 a handler whose process stood still while its caller said the rest and gave up is not told that this was all", async () => {
  const alice: Program = async ({ createAgent, sleep, note }) => {
    const agent = await createAgent({ goneAfter: 500 });
    agent.handle(stream("sum"), async (_, { source }) => {
      try {
        for await (const chunk of source) {
          note("heard", chunk);
          await sleep(600);
        }
        note("told", "everything");
      } catch (error) {
        note("told", isTightbeamError(error) && error.code);
      }
    });
  };
  const bob: Program = async ({ createAgent, sleep }) => {
    const agent = await createAgent({ goneAfter: 500 });
    async function* five(): AsyncGenerator<number> {
      for (let number = 0; number < 5; number++) {
        yield number;
        await sleep(10);
      }
    }
    await agent.stream("alice", stream("sum"), undefined, { source: five() }).result.catch(() => undefined);
    await agent.link("alice");
  };
  const { trace } = await simulate({ seed: 1, agents: { alice, bob }, faults: [{ kind: "pause", agent: "alice", at: 30, for: 1_200 }], duration: 6_000 });
  expect(trace.flatMap((event) => (event.type === "note" ? [`${event.name} ${event.value}`] : []))).toEqual(["heard 0", "heard 1", "told delivery_unknown"]);
});

it("G-01 both sides send on the same session, whatever READY was lost: they went deaf to each other until one of them was dropped, 30 s later", async () => {
  const bob: Program = async ({ createAgent }) => (await createAgent({ goneAfter: 20_000 })).handle("ask", (input) => input);
  const alice: Program = async ({ createAgent }) => {
    const agent = await createAgent({ goneAfter: 20_000 });
    for (let number = 0; number < 5; number++) await agent.request("bob", "ask", number, { timeout: 60_000 });
  };
  // Bob has a session of Alice's first handshake, and of her second; she has only that one. Her transport comes and goes, so that nobody is ever silent for long enough to be suspect.
  const faults: readonly Fault[] = [
    { kind: "oneWay", from: "bob", to: "alice", at: 5, for: 10_495 },
    { kind: "flap", agent: "alice", at: 10_500, for: 30_000, ms: 300 },
  ];
  const { trace } = await simulate({ seed: 1, agents: { alice, bob }, faults, duration: 60_000 });
  const answered = trace.filter((event) => event.type === "settled");
  expect(answered.map(({ error }) => error)).toEqual(Array(5).fill(undefined));
  expect(answered.at(-1)?.at).toBeLessThan(13_000);
});

it("G-01 a link whose only session its peer never had makes another, also where a transport that comes and goes leaves no silence long enough to be suspect", async () => {
  const bob: Program = async ({ createAgent, sleep }) => {
    const agent = await createAgent({ goneAfter: 20_000 });
    await sleep(4_000);
    await agent.request("alice", "ask", 1, { timeout: 100_000 });
  };
  // She gives up before she has READY, and never dials again.
  const alice: Program = async ({ createAgent }) => {
    const agent = await createAgent({ goneAfter: 20_000 });
    agent.handle("ask", (input) => input);
    await agent.request("bob", "none", 1, { timeout: 3_000 }).catch(() => undefined);
  };
  for (const ms of [300, 900]) {
    const faults: readonly Fault[] = [
      { kind: "oneWay", from: "bob", to: "alice", at: 5, for: 3_495 },
      { kind: "flap", agent: "bob", at: 20, for: 60_000, ms },
    ];
    const { trace } = await simulate({ seed: 1, agents: { alice, bob }, faults, duration: 70_000 });
    const asked = trace.find((event) => event.type === "settled" && event.agent === "bob");
    expect(asked).toMatchObject({ error: undefined });
    expect(asked?.at).toBeLessThan(20_000);
  }
});
