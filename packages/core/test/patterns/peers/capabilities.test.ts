import { describe, expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import type { Link } from "../../../src/link/link-types.js";
import { onDemand } from "../../../src/on-demand.js";
import { createCapabilities } from "../../../src/patterns/peers/capabilities.js";
import { loadHello } from "../../../src/patterns/peers/hello-on-demand.js";
import type { SystemHandler } from "../../../src/patterns/system.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

function setUp(code?: typeof loadHello) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const sent: { link: Link; name: string; value: unknown }[] = [];
  let failing = false;
  let hear: SystemHandler = () => undefined;
  const exchange = createCapabilities(
    {
      runtime,
      system: {
        handle: (_, handler) => {
          hear = handler;
        },
        request: () => Promise.reject(new Error("asked")),
        async notify(link, name, value) {
          sent.push({ link, name, value });
          if (failing) throw new TightbeamError("timeout", "full");
        },
      },
    },
    code,
  );
  const link = (permissions: readonly string[] = [], state: Link["state"] = "up") =>
    ({ peer: { id: "bob", permissions, limits: { maxMessageBytes: 5 } }, state }) as unknown as Link & {
      state: Link["state"];
      peer: { permissions: readonly string[] };
    };
  const fail = (now: boolean): void => {
    failing = now;
  };
  return { runtime, exchange, sent, link, hear: (to: Link, value: unknown) => hear(to, value), fail };
}

describe("capabilities", () => {
  test("whose code is loaded with the first link: told once, heard in order, and not of a link that ended meanwhile", async () => {
    const { exchange, sent, link, hear } = setUp(onDemand(async () => loadHello()));
    const [one, over] = [link(), link()];
    exchange.linkUp(one);
    exchange.linkUp(one);
    const heard = [hear(one, { protocol: 1, publishes: true }), hear(one, { protocol: 2 }), hear(over, { protocol: 1 })];
    const wrong = hear(one, { protocol: "x" });
    over.state = "ended";
    expect(sent).toEqual([]);
    await expect(wrong).rejects.toMatchObject({ code: "invalid_input" });
    await Promise.all(heard);
    expect(sent.map((each) => each.link)).toEqual([one]);
    expect(exchange.of(one)).toMatchObject({ protocol: 2, publishes: false });
    expect(exchange.of(over)).toBeUndefined();
  });

  test("whose code cannot be loaded: tried again when the link comes up again", async () => {
    let there = false;
    const code = onDemand(async () => {
      if (!there) throw new Error("offline");
      return loadHello();
    });
    const { exchange, sent, link, hear } = setUp(code);
    const one = link();
    exchange.linkUp(one);
    await expect(hear(one, { protocol: 1 })).rejects.toMatchObject({ code: "unavailable" });
    there = true;
    exchange.linkUp(one);
    await code();
    await Promise.resolve();
    expect(sent).toHaveLength(1);
  });

  test("are said once per link, however often it comes up", () => {
    const { exchange, sent, link } = setUp();
    const [one, two] = [link(), link()];
    exchange.linkUp(one);
    exchange.linkUp(one);
    exchange.linkUp(two);
    exchange.linkUp(one);
    expect(sent.map((each) => each.link)).toEqual([one, two]);
    expect(sent[0]).toMatchObject({ name: "hello", value: { protocol: 1, types: expect.arrayContaining(["request"]) } });
  });

  test("TM-110: are said again when they changed: together, and not more often than the limit", async () => {
    const { runtime, exchange, sent, link } = setUp();
    let load = 0;
    exchange.provide("load", () => load);
    exchange.linkUp(link());
    for (load = 1; load < 100; load++) exchange.changed();
    await runtime.advance(0);
    expect(sent.map(({ value }) => (value as { load: number }).load)).toEqual([0, 100]);
    for (let step = 0; step < 1_000; step++) {
      load = 1_000 + step;
      exchange.changed();
      await runtime.advance(1);
    }
    await runtime.advance(limits.helloEveryMs);
    expect(sent.length).toBeLessThanOrEqual(2 + 1_000 / limits.helloEveryMs + 1);
    expect(sent.at(-1)).toMatchObject({ value: { load: 1_999 } });
  });

  test("a link that is down, or took nothing, is told when it comes up", async () => {
    const { runtime, exchange, sent, link, fail } = setUp();
    const one = link();
    exchange.linkUp(one);
    Object.assign(one, { state: "down" });
    exchange.changed();
    await runtime.advance(limits.helloEveryMs);
    expect(sent).toHaveLength(1);
    Object.assign(one, { state: "up" });
    fail(true);
    exchange.linkUp(one);
    await runtime.advance(0);
    expect(sent).toHaveLength(2);
    fail(false);
    exchange.linkUp(one);
    exchange.linkUp(one);
    expect(sent).toHaveLength(3);
  });

  test("nothing is said to ended links, nor after the end", async () => {
    const { runtime, exchange, sent, link } = setUp();
    const one = link();
    exchange.linkUp(one);
    exchange.linkEnded(one);
    exchange.changed();
    await runtime.advance(1_000);
    exchange.stop();
    exchange.linkUp(link());
    exchange.changed();
    await runtime.advance(1_000);
    expect(sent).toHaveLength(1);
  });

  test("TM-111: of what a peer claims to serve, what its newest token permits counts", () => {
    const { exchange, link, hear } = setUp();
    const peer = link(["serve:search"]);
    hear(peer, {
      protocol: 1,
      contracts: [
        { name: "search", versions: [1, 2] },
        { name: "admin", versions: [1] },
      ],
      kinds: ["summarizer"],
      load: 0.1,
    });
    const seen = exchange.of(peer);
    expect(seen?.contracts).toEqual([{ name: "search", versions: [1, 2] }]);
    expect([seen?.kinds, seen?.load]).toEqual([[], undefined]);
    expect(seen?.claims).toMatchObject({ kinds: ["summarizer"], load: 0.1 });
    // The same object, after the token was renewed.
    peer.peer.permissions = ["serve:summarizer"];
    expect([seen?.contracts, seen?.kinds, seen?.load]).toEqual([[], ["summarizer"], 0.1]);
    peer.peer.permissions = ["serve:*"];
    expect(seen?.contracts).toHaveLength(2);
    peer.peer.permissions = ["call:*", "serve"];
    expect([seen?.contracts, seen?.kinds, seen?.load]).toEqual([[], [], undefined]);
  });

  test("are unknown until the peer spoke; a refused hello changes nothing; listeners hear of changes only", () => {
    const { exchange, link, hear } = setUp();
    const peer = link();
    const heard: Link[] = [];
    const stop = exchange.onChange((changed) => heard.push(changed));
    expect(exchange.of(peer)).toBeUndefined();
    hear(peer, { protocol: 1, publishes: true });
    hear(peer, { publishes: true, protocol: 1 });
    expect(() => hear(peer, { protocol: "1" })).toThrow(expect.objectContaining({ code: "invalid_input" }));
    expect(exchange.of(peer)).toMatchObject({ publishes: true, maxMessageBytes: 5 });
    expect(heard).toEqual([peer]);
    hear(peer, { protocol: 1 });
    expect(exchange.of(peer)?.publishes).toBe(false);
    expect(exchange.of(link())).toBeUndefined();
    stop();
    hear(peer, { protocol: 1, publishes: true });
    expect(heard).toHaveLength(2);
  });
});
