import { describe, expect, test } from "vitest";
import type { AgentView, FeedBatch, LinkView, RatePoint } from "../../../src/feed/types.js";
import { createModel, kept } from "../../../src/page/model/model.js";
import { createFakeFeed } from "../../fake-feed.js";
import { linkView } from "../../link-view.js";
import { message } from "../messages.js";

const batch = (given: Partial<FeedBatch> = {}): FeedBatch => ({
  sequence: 0,
  at: 0,
  whole: false,
  agents: [],
  links: [],
  gone: [],
  messages: [],
  dropped: 0,
  points: [],
  breakers: [],
  security: [],
  events: [],
  ...given,
});
const agent = (id: string, instance = "1", state: AgentView["state"] = "up"): AgentView => ({
  key: `${id}/${instance}`,
  id,
  instance,
  watched: "local",
  state,
});
const link = (from: string, to: string, state: LinkView["state"] = "up"): LinkView => linkView(from, to, { edge: [from, to].sort().join(" "), state });
const point = (of: string, at: number): RatePoint => ({
  agent: of,
  at,
  span: 1_000,
  sent: 1,
  received: 1,
  failed: 0,
  bytesSent: 0,
  bytesReceived: 0,
  queue: { critical: 0, high: 0, normal: 0, low: 0 },
  inFlightBytes: 0,
});

describe("the model", () => {
  test("a breaker that is gone goes, too", () => {
    const model = createModel();
    const breaker = { key: "a/1 b m", agent: "a/1", peer: "b", method: "m", state: "open", at: 1 } as const;
    model.apply(batch({ whole: true, breakers: [breaker] }));
    expect(model.breakers.size).toBe(1);
    model.apply(batch({ sequence: 1, gone: [breaker.key] }));
    expect(model.breakers.size).toBe(0);
  });

  test("what agents elsewhere say of links, agents and events hides nothing (TM-240)", () => {
    const model = createModel();
    const bad = "pay\u202Etxt";
    const good = "pay\uFFFDtxt";
    model.apply(
      batch({
        whole: true,
        agents: [{ ...agent("a"), transport: bad }],
        links: [{ ...link("a/1", "b/1"), transport: bad, thumbprint: bad, issuer: bad, suite: { id: 1, name: bad } }],
        breakers: [{ key: "x", agent: "a/1", peer: bad, method: bad, state: "open", at: 1 }],
        events: [{ key: 1, at: 1, agent: "a/1", kind: "link", what: bad, method: bad, code: bad, detail: bad }],
      }),
    );
    expect(model.agents.get("a/1")?.transport).toBe(good);
    expect(model.links.get("a/1 b/1")).toMatchObject({ transport: good, thumbprint: good, issuer: good, suite: { id: 1, name: good } });
    expect(model.breakers.get("x")).toMatchObject({ peer: good, method: good });
    expect(model.events.at(0)).toMatchObject({ what: good, method: good, code: good, detail: good });
  });

  test("entries replace the ones of their key, what is gone goes, and a whole batch begins anew", () => {
    const model = createModel();
    model.apply(batch({ whole: true, agents: [agent("a"), agent("b")], links: [link("a/1", "b/1")], dropped: 3 }));
    model.apply(batch({ sequence: 1, agents: [agent("a", "1", "down")], gone: ["b/1"], dropped: 4 }));
    expect([...model.agents.values()].map(({ key, state }) => [key, state])).toEqual([["a/1", "down"]]);
    expect(model.dropped).toBe(7);
    model.apply(batch({ whole: true, agents: [agent("c")] }));
    expect([[...model.agents.keys()], model.links.size, model.dropped]).toEqual([["c/1"], 0, 0]);
  });

  test("batches that never came are counted", () => {
    const model = createModel();
    model.apply(batch({ whole: true, sequence: 5 }));
    model.apply(batch({ sequence: 6 }));
    model.apply(batch({ sequence: 9 }));
    expect(model.missed).toBe(2);
  });

  test("its shape changes when something comes, goes or changes its state, and not when figures do", () => {
    const model = createModel();
    model.apply(batch({ whole: true, agents: [agent("a"), agent("b")], links: [link("a/1", "b/1")] }));
    const { shape } = model;
    model.apply(batch({ links: [{ ...link("a/1", "b/1"), roundTrip: 9 }] }));
    expect(model.shape).toBe(shape);
    model.apply(batch({ links: [link("a/1", "b/1", "suspect")] }));
    expect(model.shape).toBe(shape + 1);
  });

  test("both ends of a link are one edge, as bad as the worse of them", () => {
    const model = createModel();
    model.apply(batch({ whole: true, links: [link("a/1", "b/1"), link("b/1", "a/1", "down"), link("a/1", "c/1")] }));
    expect(model.edges().map(({ key, state, views }) => [key, state, views.length])).toEqual([
      ["a/1 b/1", "down", 2],
      ["a/1 c/1", "up", 1],
    ]);
  });

  test("an agent is called by its id, its instance only where there is another of it; a realm stays", () => {
    const model = createModel();
    model.apply(batch({ whole: true, agents: [agent("acme/a", "xxxxxx"), agent("b", "aaaaaa"), agent("b", "bbbbbb")] }));
    expect(["acme/a/xxxxxx", "b/aaaaaa", "b/bbbbbb", "acme/gone/zzzz"].map(model.name)).toEqual(["acme/a", "b aaaa", "b bbbb", "acme/gone"]);
  });

  test("everything it keeps is bounded, and what found no room is counted (TM-243)", () => {
    const model = createModel();
    const many = (count: number) => Array.from({ length: count }, (_, index) => index);
    model.apply(batch({ whole: true, agents: many(kept.agents + 5).map((index) => agent(`a${index}`)) }));
    model.apply(batch({ links: many(kept.links + 5).map((index) => link(`a${index}/1`, "b/1")) }));
    model.apply(batch({ breakers: many(kept.breakers + 5).map((index) => ({ key: `${index}`, agent: "a", peer: "b", method: "m", state: "open", at: 0 })) }));
    model.apply(batch({ messages: many(kept.messages + 5).map((index) => message({ id: `${index}`, at: index })) }));
    model.apply(batch({ security: many(600).map((key) => ({ key, at: 0, agent: "a", what: "refused", proved: false, reason: "x", count: 1 })) }));
    model.apply(batch({ events: many(600).map((key) => ({ key, at: 0, agent: "a", kind: "link", what: "up" })) }));
    model.apply(batch({ points: many(400).map((at) => point("", at)) }));
    model.apply(batch({ points: many(3_000).map((index) => point(`a${index}/1`, 0)) }));
    expect([model.agents.size, model.links.size, model.breakers.size, model.overflow]).toEqual([kept.agents, kept.links, kept.breakers, 15]);
    expect(model.conversations.messages.length).toBeLessThanOrEqual(kept.messages);
    expect([model.security.size, model.events.size, model.points("").size]).toEqual([kept.security, kept.events, kept.points]);
    expect(model.points("a2500/1").size).toBe(0);
  });

  test("takes what a feed says, from its whole on", () => {
    const feed = createFakeFeed({ agents: 8, seed: 3, timer: false, start: 1_000_000 });
    const model = createModel();
    model.apply(feed.whole());
    feed.subscribe((next) => model.apply(next));
    const before = model.conversations.taken;
    for (let tick = 0; tick < 20; tick += 1) feed.tick();
    expect([model.agents.size, model.missed]).toEqual([8, 0]);
    expect(model.conversations.taken).toBeGreaterThan(before);
    expect(model.conversations.messages.some((one) => one.type === "response" && model.conversations.of(one)?.opening !== undefined)).toBe(true);
  });
});
