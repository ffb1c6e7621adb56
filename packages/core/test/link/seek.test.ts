import { describe, expect, it } from "vitest";
import type { LinkEnd } from "../../src/link/link-types.js";
import { createReplicaTable, type Replicas } from "../../src/link/replicas.js";
import { createSeeker } from "../../src/link/seek.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";

const link = (instance: string, state = "up"): LinkEnd => ({ peer: { id: "worker", instance }, state, awaited: 0 }) as unknown as LinkEnd;

function world(seed = 1) {
  const runtime = createVirtualRuntime({ seed });
  const rounds: { readonly at: number; readonly times: number; readonly found: (instance: string) => void }[] = [];
  const dials: { readonly instance: string; readonly succeed: () => void; readonly fail: () => void }[] = [];
  const known = new Set<string>();
  const seeker = createSeeker({
    runtime,
    ask: (_, times, found) => void rounds.push({ at: runtime.now, times, found }),
    isKnown: (_, instance) => known.has(instance),
    dial: (_, instance) => new Promise<void>((resolve, reject) => dials.push({ instance, succeed: resolve, fail: () => reject(new Error("no")) })),
  });
  const replicas = { id: "worker", links: [link("a")] as LinkEnd[] } satisfies Replicas;
  return { runtime, rounds, dials, known, seeker, replicas };
}

describe("seeking other instances", () => {
  it("asks in rounds that grow rarer while nobody new answers, however often it is wanted", async () => {
    const { runtime, rounds, seeker, replicas } = world();
    for (let ms = 0; ms < 30_000; ms += 5) {
      seeker.seek(replicas);
      await runtime.advance(5);
    }
    const gaps = rounds.slice(1).map(({ at }, index) => at - (rounds[index]?.at ?? 0));
    expect(gaps.slice(0, 3).map((gap) => Math.floor(gap / 500))).toEqual([1, 2, 4]);
    for (const gap of gaps.slice(3)) {
      expect(gap).toBeGreaterThanOrEqual(4_000);
      expect(gap).toBeLessThanOrEqual(5_005);
    }
    expect(new Set(gaps.slice(3)).size).toBeGreaterThan(2);
    expect(new Set(rounds.map(({ times }) => times))).toEqual(new Set([4]));
  });

  it("nothing is asked, and no timer runs on, when nobody wants it", async () => {
    const { runtime, rounds, seeker, replicas } = world();
    seeker.seek(replicas);
    await runtime.advance(60_000);
    expect(rounds).toHaveLength(1);
  });

  it("asks again at once when somebody new was found", async () => {
    const { runtime, rounds, dials, seeker, replicas } = world();
    seeker.seek(replicas);
    rounds[0]?.found("b");
    dials[0]?.succeed();
    await runtime.advance(1);
    seeker.seek(replicas);
    expect(rounds).toHaveLength(2);
  });

  it("TM-51 hints cost at most as many dials as links are sought, and none for whom it knows", async () => {
    const { runtime, rounds, dials, known, seeker, replicas } = world();
    known.add("b");
    seeker.seek(replicas);
    for (let hint = 0; hint < 1_000; hint++) rounds[0]?.found(hint % 2 === 0 ? "b" : `forged-${hint}`);
    expect(dials).toHaveLength(15);
    expect(dials.map(({ instance }) => instance)).not.toContain("b");
    for (const dial of dials) dial.fail();
    await runtime.advance(1);
    rounds[0]?.found("c");
    expect(dials).toHaveLength(16);
    replicas.links = Array.from({ length: 16 }, (_, index) => link(`l${index}`));
    await runtime.advance(5_000);
    seeker.seek(replicas);
    expect(rounds).toHaveLength(1);
  });

  it("a round of its own when no instance answers, resting or not", () => {
    const { rounds, seeker, replicas } = world();
    seeker.seek(replicas);
    seeker.seek(replicas);
    seeker.seekNow(replicas);
    expect(rounds).toHaveLength(2);
  });

  it("dials that end and begin again while nobody answers ask no more than twice a second", async () => {
    const { runtime, rounds, seeker, replicas } = world();
    for (let ms = 0; ms < 5_000; ms += 5) {
      seeker.seekNow(replicas);
      await runtime.advance(5);
    }
    expect(rounds).toHaveLength(10);
  });
});

describe("the links of an agent", () => {
  const table = (...links: LinkEnd[]) => {
    let busy = 0;
    const replicas = createReplicaTable(() => busy++);
    for (const each of links) replicas.add(each);
    return { replicas, busy: () => busy };
  };

  it("a request takes the one with the fewest waiting, and of several the one not used for longest", () => {
    const [a, b, c] = [link("a"), link("b"), link("c")];
    const { replicas, busy } = table(a, b, c);
    expect([1, 2, 3, 4].map(() => replicas.idlest("worker"))).toEqual([a, b, c, a]);
    expect(busy()).toBe(0);
    a.awaited = 2;
    b.awaited = 1;
    c.awaited = 1;
    expect([1, 2, 3].map(() => replicas.idlest("worker"))).toEqual([b, c, b]);
    expect(busy()).toBe(3);
  });

  it("a notification takes the oldest; neither takes one that is silent or another agent's", () => {
    const [a, b] = [link("a", "suspect"), link("b", "down")];
    const { replicas } = table(a, b);
    expect([replicas.first("worker"), replicas.idlest("worker")]).toEqual([b, b]);
    expect([replicas.first("other"), replicas.idlest("other"), replicas.of("other")]).toEqual([undefined, undefined, undefined]);
    replicas.remove(b);
    expect([replicas.first("worker"), replicas.idlest("worker")]).toEqual([undefined, undefined]);
    expect(replicas.all()).toEqual([a]);
    replicas.remove(a);
    replicas.remove(a);
    expect(replicas.of("worker")).toBeUndefined();
  });
});
