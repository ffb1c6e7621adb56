import { afterEach, describe, expect, it } from "vitest";
import { promptKey } from "../../../../../test/agents/clock.js";
import { concat } from "../../../src/bytes.js";
import { TightbeamError } from "../../../src/errors.js";
import type { Identity, SigningKey } from "../../../src/identity/index.js";
import * as limits from "../../../src/limits.js";
import type { Link } from "../../../src/link/link-types.js";
import { decodeHint, encodeHint, type Hint, hintText } from "../../../src/patterns/presence/hint.js";
import { createPresence, type Presence, type PresenceEvent, type PresenceOption } from "../../../src/patterns/presence/presence.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";
import { address } from "../../../src/transport/address.js";
import { createTransportState } from "../../../src/transport/state.js";
import { type Transport, TransportError } from "../../../src/transport/transport.js";

await import("../../../src/patterns/presence/station.js");

const at = address("presence", "_");
const instanceOf = (n: number | string): string => String(n).padStart(22, "i");
const key = await promptKey();
const runtimes: { stop(): void }[] = [];
afterEach(() => {
  for (const { stop } of runtimes.splice(0)) stop();
});

interface World {
  readonly presence: Presence;
  readonly runtime: ReturnType<typeof createVirtualRuntime>;
  readonly said: Hint[];
  readonly dialled: string[];
  readonly events: PresenceEvent[];
  readonly asked: Link[];
  /** Whoever listens hears this, and what follows from it has happened. */
  hear(bytes: Uint8Array): Promise<void>;
  change: ReturnType<typeof createTransportState>["change"];
  /** What a dial to `id/instance` leads to. */
  readonly answers: Map<string, Link>;
  readonly links: Map<string, Link>;
  readonly fails: { subscribe?: Error; send?: Error; ask?: Error };
}

const linkWith = (id: string, instance: string, thumbprint: string): Link => ({ peer: { id, instance, thumbprint }, state: "up" }) as unknown as Link;

/** `alice` on a transport that the test is. */
function world({
  option,
  fanout = true,
  own = { id: "alice", key },
}: {
  option?: PresenceOption;
  fanout?: boolean;
  own?: { id: string; key: SigningKey };
} = {}): World {
  const runtime = createVirtualRuntime({ seed: 7 });
  const { state, change } = createTransportState("up");
  const fails: World["fails"] = {};
  const said: Hint[] = [];
  const dialled: string[] = [];
  const events: PresenceEvent[] = [];
  const asked: Link[] = [];
  const answers = new Map<string, Link>();
  const links = new Map<string, Link>();
  let receive: ((frame: Uint8Array) => unknown) | undefined;
  const transport = {
    capabilities: { maxFrameBytes: 65_536, groups: true, fanout },
    state,
    closed: new Promise<undefined>(() => undefined),
    async send(_: unknown, frame: Uint8Array) {
      if (fails.send) throw fails.send;
      const read = decodeHint(frame);
      if (read) said.push(read.hint);
    },
    async subscribe(_: unknown, heard: (frame: Uint8Array) => unknown) {
      if (fails.subscribe) throw fails.subscribe;
      receive = heard;
      return async () => {
        receive = undefined;
      };
    },
    close: async () => undefined,
  } as Transport;
  const presence = createPresence({
    option,
    runtime,
    transport,
    identity: { ...own, token: async () => "" } satisfies Identity,
    instance: instanceOf("own"),
    links: {
      find: ({ id, instance }) => links.get(`${id}/${instance}`),
      async connect({ id, instance }) {
        const name = `${id}/${instance}`;
        dialled.push(name);
        const link = answers.get(name);
        if (link === undefined) throw new TightbeamError("no_answer", "Nobody is there.");
        links.set(name, link);
        return link;
      },
    },
    system: {
      handle: () => undefined,
      async notify(link) {
        asked.push(link);
        if (fails.ask) throw fails.ask;
      },
    },
    onEvent: (event) => void events.push(event),
  });
  runtimes.push({ stop: presence.stop });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    presence,
    runtime,
    said,
    dialled,
    events,
    asked,
    change,
    answers,
    links,
    fails,
    async hear(bytes) {
      receive?.(bytes);
      await settle();
    },
  };
}

const bobs = await promptKey();

/** A hint as another agent makes it. */
async function hint(runtime: World["runtime"], fields: Partial<Hint> & { signer?: SigningKey; where?: typeof at } = {}): Promise<Uint8Array> {
  const { signer = bobs, where = at, ...rest } = fields;
  const now = runtime.clock.wall();
  const whole: Hint = {
    publishes: true,
    subscribes: false,
    serves: false,
    seeks: false,
    leaves: false,
    every: 10_000,
    counter: now,
    expires: now + 35_000,
    id: "bob",
    instance: instanceOf("b"),
    key: signer.publicJwk,
    ...rest,
  };
  const body = encodeHint(whole);
  return concat(body, await signer.sign(hintText(where, body)));
}

const bob = `bob/${instanceOf("b")}`;

async function joined(options?: Parameters<typeof world>[0]): Promise<World> {
  const made = world(options);
  made.presence.announce("subscribes");
  await made.runtime.advance(300);
  expect(made.presence.status().state).toBe("on");
  return made;
}

describe("presence", () => {
  it("says and hears nothing until something needs it", async () => {
    const { presence, runtime, said, events, hear, dialled } = world();
    await hear(await hint(runtime));
    await runtime.advance(60_000);
    expect([said, events, dialled]).toEqual([[], [], []]);
    expect(presence.status()).toEqual({ state: "idle", address: "presence/_", counters: { sent: 0, heard: 0, refused: 0, skipped: 0, dials: 0 } });
  });

  it("repeats a signed hint every 10 s with jitter, and at once when its roles change", async () => {
    const { presence, runtime, said } = await joined();
    expect(said).toMatchObject([{ id: "alice", instance: instanceOf("own"), subscribes: true, publishes: false, leaves: false, every: 10_000 }]);
    presence.announce("publishes");
    presence.announce("publishes");
    await runtime.advance(300);
    expect(said.slice(1)).toMatchObject([{ subscribes: true, publishes: true }]);
    await runtime.advance(100_000);
    expect(said.length).toBeGreaterThanOrEqual(11);
    expect(said.length).toBeLessThanOrEqual(13);
    const gaps = said.slice(2).map(({ counter }, index) => counter - (said[index + 1] as Hint).counter);
    for (const gap of gaps) expect(gap >= 9_000 && gap <= 11_000).toBe(true);
    expect(new Set(gaps).size).toBeGreaterThan(4);
    for (const { counter, expires } of said) expect(expires - counter).toBe(35_000);
  });

  it("speaks after a reconnect, not while the transport is down, and says goodbye", async () => {
    const { presence, runtime, said, change } = await joined();
    change({ type: "down", cause: undefined });
    await runtime.advance(30_000);
    expect(said).toHaveLength(1);
    change({ type: "up" });
    await runtime.advance(1_300);
    expect(said).toHaveLength(2);
    await presence.leave();
    expect(said.at(-1)).toMatchObject({ leaves: true });
    await runtime.advance(30_000);
    expect(said).toHaveLength(3);
  });

  it("dials who has the other half of a role, once", async () => {
    const { runtime, hear, dialled, answers, presence } = await joined();
    answers.set(bob, linkWith("bob", instanceOf("b"), bobs.thumbprint));
    await hear(await hint(runtime, { publishes: false, subscribes: true, serves: true, seeks: true }));
    expect(dialled).toEqual([]);
    for (let i = 0; i < 5; i++) {
      await hear(await hint(runtime));
      await runtime.advance(10_000);
    }
    expect(dialled).toEqual([bob]);
    expect(presence.status().counters).toMatchObject({ dials: 1, heard: 5, refused: 1 });
  });

  it.each([
    ["publishes", "subscribes"],
    ["subscribes", "publishes"],
    ["serves", "seeks"],
    ["seeks", "serves"],
  ] as const)("who %s is dialled for who %s, and for nothing else", async (own, other) => {
    const { presence, runtime, hear, dialled } = world();
    presence.announce(own);
    await runtime.advance(300);
    const none = { publishes: false, subscribes: false, serves: false, seeks: false };
    await hear(await hint(runtime, { ...none, publishes: true, subscribes: true, serves: true, seeks: true, [other]: false, instance: instanceOf("c") }));
    expect(dialled).toEqual([]);
    await hear(await hint(runtime, { ...none, [other]: true }));
    expect(dialled).toEqual([bob]);
  });

  it("gives every hint that is right to who asks for them, also those of no interest", async () => {
    const { presence, runtime, hear, dialled } = world();
    const heard: Hint[] = [];
    const stop = presence.onHint((one) => void heard.push(one));
    await runtime.advance(300);
    await hear(await hint(runtime, { publishes: false, serves: true }));
    expect(heard).toMatchObject([{ id: "bob", serves: true }]);
    expect(dialled).toEqual([]);
    stop();
    await runtime.advance(10);
    await hear(await hint(runtime, { publishes: false, serves: true, counter: runtime.clock.wall() + 1 }));
    expect(heard).toHaveLength(1);
  });

  it("TM-131: a hint signed by another key, for another address, or changed leads to nothing", async () => {
    const { runtime, hear, dialled, presence } = await joined();
    const mallory = await promptKey();
    const body = (await hint(runtime)).subarray(0, -64);
    await hear(concat(body, await mallory.sign(hintText(at, body))));
    await hear(await hint(runtime, { where: address("presence", "acme") }));
    const changed = await hint(runtime);
    changed[1] = (changed[1] as number) | 4;
    await hear(changed);
    await hear(new Uint8Array(10));
    expect(dialled).toEqual([]);
    expect(presence.status().counters).toMatchObject({ refused: 4, heard: 0, dials: 0 });
  });

  it("TM-132: a repeated hint, an old one and one from the future lead to nothing", async () => {
    const { runtime, hear, dialled, presence } = await joined();
    const first = await hint(runtime);
    await hear(first);
    expect(dialled).toEqual([bob]);
    await runtime.advance(20_000);
    for (let i = 0; i < 10; i++) await hear(first);
    const now = runtime.clock.wall();
    await hear(await hint(runtime, { instance: instanceOf("c"), counter: now, expires: now - 60_000 }));
    await hear(await hint(runtime, { instance: instanceOf("d"), counter: now, expires: now + 95_001 }));
    await hear(await hint(runtime, { instance: instanceOf("e"), counter: now, expires: 2 ** 53 - 1 }));
    expect(dialled).toEqual([bob]);
    expect(presence.status().counters.refused).toBe(13);
  });

  it("does not take its own hints for another's", async () => {
    const { runtime, hear, dialled, presence } = await joined();
    await hear(await hint(runtime, { id: "alice", instance: instanceOf("own"), signer: key }));
    expect(dialled).toEqual([]);
    expect(presence.status().counters).toMatchObject({ heard: 0, refused: 0 });
  });

  it("TM-133: forged hints by the thousand cost a bounded number of dials, of one claimed agent and of all", async () => {
    const { runtime, hear, dialled, presence } = await joined();
    const flood = async (from: number, id: (n: number) => string): Promise<void> => {
      for (let n = from; n < from + 300; n++) await hear(await hint(runtime, { id: id(n), instance: instanceOf(n) }));
    };
    await flood(0, () => "bob");
    expect(dialled).toHaveLength(limits.hintDialsOfAgentBurst);
    await runtime.advance(1_000);
    await flood(1_000, (n) => `agent-${n}`);
    expect(dialled.length).toBeLessThanOrEqual(limits.hintDialsBurst + limits.hintDialsPerSecond);
    for (let second = 0; second < 3; second++) {
      await runtime.advance(1_000);
      await flood(10_000 + 1_000 * second, (n) => `agent-${n}`);
    }
    expect(dialled.length).toBeLessThanOrEqual(limits.hintDialsBurst + 4 * limits.hintDialsPerSecond);
    expect(presence.status().counters.skipped).toBeGreaterThan(1_000);
  });

  it("TM-133: verifies a bounded number of signatures", async () => {
    const { runtime, hear, presence } = await joined();
    let verified = 0;
    const made: Uint8Array[] = [];
    for (let n = 0; n < 700; n++) made.push(await hint(runtime, { instance: instanceOf(n), id: `agent-${n}` }));
    for (const bytes of made) await hear(bytes);
    verified = presence.status().counters.heard;
    expect(verified).toBe(limits.hintChecksBurst);
    for (let round = 0; round < 4; round++) {
      await runtime.advance(500);
      for (let n = 0; n < 200; n++) await hear(await hint(runtime, { instance: instanceOf(10_000 + 200 * round + n), id: `other-${n}` }));
    }
    expect(presence.status().counters.heard - verified).toBeLessThanOrEqual(2 * limits.hintChecksPerSecond);
  });

  it("an instance that does not answer is dialled again, ever more seldom", async () => {
    const { runtime, hear, dialled } = await joined();
    for (let i = 0; i < 60; i++) {
      await hear(await hint(runtime));
      await runtime.advance(10_000);
    }
    // After 5, 10, 20, 40 s and so on: ten minutes of hints.
    expect(dialled.length).toBeGreaterThan(4);
    expect(dialled.length).toBeLessThan(9);
  });

  it("TM-134: who proves another key than the hint's is not dialled for that hint's key as a peer, and a linked peer cannot be spoken for", async () => {
    const { runtime, hear, dialled, presence, links } = await joined();
    const mallory = await promptKey();
    const link = linkWith("bob", instanceOf("b"), bobs.thumbprint);
    links.set(bob, link);
    await hear(await hint(runtime));
    await hear(await hint(runtime, { signer: mallory, leaves: true, counter: runtime.clock.wall() + 1_000 }));
    expect(presence.isGone(link)).toBe(false);
    await runtime.advance(10);
    await hear(await hint(runtime, { leaves: true }));
    expect(presence.isGone(link)).toBe(true);
    expect(dialled).toEqual([]);
  });

  it("a peer that misses three hints is asked over its link, and gone if it does not answer; its next hint brings it back", async () => {
    const { runtime, hear, presence, links, asked, fails } = await joined();
    const changes: Link[] = [];
    presence.onChange((link) => void changes.push(link));
    const link = linkWith("bob", instanceOf("b"), bobs.thumbprint);
    links.set(bob, link);
    await hear(await hint(runtime));
    await runtime.advance(33_000);
    expect(asked).toEqual([]);
    await runtime.advance(6_000);
    expect(asked).toEqual([link]);
    expect(presence.isGone(link)).toBe(false);
    fails.ask = new TightbeamError("timeout", "Nothing.");
    await runtime.advance(40_000);
    expect(presence.isGone(link)).toBe(true);
    expect(changes).toEqual([link]);
    await hear(await hint(runtime));
    expect(presence.isGone(link)).toBe(false);
    expect(changes).toEqual([link, link]);
  });

  it("time does not count while our own transport is down", async () => {
    const { runtime, hear, links, asked, change } = await joined();
    links.set(bob, linkWith("bob", instanceOf("b"), bobs.thumbprint));
    await hear(await hint(runtime));
    change({ type: "down", cause: undefined });
    await runtime.advance(120_000);
    change({ type: "up" });
    await runtime.advance(30_000);
    expect(asked).toEqual([]);
  });

  it("TM-135: is off and says so on a transport without fan-out, when refused, and when not wanted", async () => {
    const single = world({ fanout: false });
    single.presence.announce("publishes");
    expect(single.events).toMatchObject([{ type: "presence", state: "unsupported", error: { code: "unsupported" } }]);
    expect(single.presence.status().state).toBe("unsupported");

    const off = world({ option: false });
    off.presence.announce("publishes");
    await off.runtime.advance(20_000);
    expect([off.events, off.said, off.presence.status().state]).toEqual([[], [], "off"]);

    const refused = world();
    refused.fails.subscribe = new TransportError("denied", "Not here.");
    refused.presence.announce("publishes");
    await refused.runtime.advance(300);
    expect(refused.events).toMatchObject([{ state: "joining" }, { state: "refused", error: { code: "denied" } }]);
    delete refused.fails.subscribe;
    refused.change({ type: "down", cause: undefined });
    refused.change({ type: "up" });
    await refused.runtime.advance(1_300);
    expect(refused.presence.status().state).toBe("on");
    refused.change({ type: "send_failed", to: at, error: new TransportError("denied", "Not any more.") });
    expect(refused.presence.status().state).toBe("refused");

    expect(() => world({ option: { every: 99 } })).toThrow("every");
    expect(() => world({ option: { every: 600_001 } })).toThrow("every");
    expect(() => world({ option: { every: Number.NaN } })).toThrow("every");
  });

  it("speaks and listens in the realm of its id", () => {
    expect(world({ own: { id: "acme/alice", key } }).presence.status().address).toBe("presence/acme");
  });
});
