import type { StateChange, Transport } from "@tightbeam/core/transport";
import { address } from "@tightbeam/core/transport";
import { connectThrough } from "@tightbeam/core/via";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failure } from "../agents/settling.js";
import { createStage, type Stage, until } from "./stage.js";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});
afterEach(() => stage.close());

/** A transport whose agent can be made to vanish without a word. */
function mortal() {
  let dead = false;
  return {
    die: () => {
      dead = true;
    },
    wrap: (inner: Transport): Transport => ({
      ...inner,
      capabilities: inner.capabilities,
      state: inner.state,
      closed: inner.closed,
      send: (to, frame) => (dead ? Promise.resolve() : inner.send(to, frame)),
      subscribe: (at, receive, options) => inner.subscribe(at, (frame) => (dead ? undefined : receive(frame)), options),
      close: () => inner.close(),
    }),
  };
}

describe("an intermediate that ends", () => {
  test("the state goes down, another one of its id takes over, subscriptions are there again, and the link between the ends is the one it was", async () => {
    const first = await stage.gate("gate");
    const { agent: alice, transport } = await stage.through("alice", "gate");
    const { agent: bob } = await stage.through("bob", "gate");
    alice.handle("echo", (input) => input);
    expect(await bob.request("alice", "echo", 1)).toBe(1);
    const [link] = bob.links("alice");
    const changes: StateChange["type"][] = [];
    transport.state.subscribe(({ type }) => void changes.push(type));
    await first.agent.close();
    await until(() => alice.status().transport === "down" && bob.status().transport === "down");
    expect((await failure(transport.send(address("agent", "bob"), new Uint8Array(1)))).code).toBe("unavailable");
    expect(link?.state).toBe("down");
    const pending = bob.request("alice", "echo", "while it was away");
    await stage.gate("gate");
    expect(await pending).toBe("while it was away");
    expect(bob.links("alice")).toEqual([link]);
    expect(link?.status().sessions).toBe(1);
    expect(changes).toEqual(["down", "up"]);
  });

  test("one that falls silent is left for another instance of it", async () => {
    const { die, wrap } = mortal();
    await stage.gate("gate", {}, { wrap });
    const { agent: alice, transport } = await stage.through("alice", "gate");
    const { agent: bob } = await stage.through("bob", "gate");
    alice.handle("echo", (input) => input);
    expect(await bob.request("alice", "echo", 1)).toBe(1);
    const [link] = bob.links("alice");
    await stage.gate("gate");
    die();
    // The first is found out by what is sent through it.
    const down = new Promise<void>((resolve) => transport.state.subscribe(({ type }) => void (type === "down" && resolve())));
    const pending = bob.request("alice", "echo", 2);
    const other = alice.request("bob", "missing").catch(() => undefined);
    expect(await pending).toBe(2);
    await Promise.all([down, other]);
    expect(bob.links("alice")).toEqual([link]);
  });

  test("what waits when it ends is settled, and a subscribe waits for the next one", async () => {
    const { agent } = await stage.gate("gate");
    const outer = await stage.agent("alice");
    const transport = await connectThrough(outer, "gate");
    const at = address("agent", "alice");
    const sends = Array.from({ length: 64 }, () => transport.send(at, new Uint8Array(64 * 1024)));
    await agent.close();
    await Promise.allSettled(sends);
    let settled = false;
    const waiting = transport
      .subscribe(at, () => undefined)
      .finally(() => {
        settled = true;
      });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(settled).toBe(false);
    await stage.gate("gate");
    await waiting;
    const late = failure(transport.subscribe(at, () => undefined));
    await outer.close();
    const cause = await transport.closed;
    expect([cause?.code, transport.state.current]).toEqual(["closed", "down"]);
    expect([(await late).code, (await failure(transport.send(at, new Uint8Array(1)))).code]).toEqual(["closed", "closed"]);
    await transport.close();
  });

  test("on the way: A, I1, I2, B, where I2 starts again", async () => {
    const second = await stage.gate("i2");
    const first = await stage.gate("i1", { next: "i2" }, { permissions: ["forward:*"] });
    const { agent: alice } = await stage.through("alice", "i1");
    const { agent: bob } = await stage.through("bob", "i2");
    bob.handle("echo", (input) => input);
    alice.handle("echo", (input) => input);
    expect(await alice.request("bob", "echo", 1)).toBe(1);
    await second.agent.close();
    await until(() => first.forwarding.status().next === "down");
    // Meanwhile those at I1 reach each other.
    const { agent: carol } = await stage.through("carol", "i1");
    expect(await carol.request("alice", "echo", "near")).toBe("near");
    await stage.gate("i2");
    expect(await alice.request("bob", "echo", 2)).toBe(2);
    expect(await bob.request("alice", "echo", 3)).toBe(3);
    expect(await bob.request("alice", "echo", 4)).toBe(4);
  });

  test("a client that leaves takes its subscriptions with it", async () => {
    const { forwarding } = await stage.gate("gate");
    const { agent, outer } = await stage.through("alice", "gate");
    expect(forwarding.status()).toMatchObject({ clients: 1, subscriptions: 2 });
    await agent.close();
    expect(forwarding.status()).toMatchObject({ clients: 1, subscriptions: 0 });
    await outer.close();
    await until(() => forwarding.status().clients === 0);
  });
});
