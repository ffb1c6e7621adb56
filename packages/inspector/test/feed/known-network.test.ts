import { expect, it } from "vitest";
import { createKnownNetwork } from "../../src/feed/known-network.js";
import { keptLimits } from "../../src/feed/protocol.js";
import type { AgentView, LinkView } from "../../src/feed/types.js";
import type { SourceUpdate } from "../../src/source/types.js";
import { instanceOf } from "../fake-agent.js";
import { linkView } from "../link-view.js";

const nothing: SourceUpdate = { at: 1, links: [], gone: [], messages: [], dropped: 0, breakers: [], security: [], events: [] };
const keyOf = (id: string): string => `${id}/${instanceOf("i")}`;
const agent = (id: string): AgentView => ({ key: keyOf(id), id, instance: instanceOf("i"), watched: "remote", state: "up" });
const link = (from: string, to: string): LinkView => linkView(keyOf(from), keyOf(to), { edge: "" });
const breaker = (number: number, state: "open" | "closed" = "closed") => ({ peer: "bob", method: `m${number}`, state, at: number }) as const;
/** Of one of two. */
const most = { links: (keptLimits.links * 3) / 4, breakers: (keptLimits.breakers * 3) / 4 };
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

it("[TM-238] keeps a place for each agent that is watched, whatever another one tells of", () => {
  const network = createKnownNetwork(2);
  network.add(keyOf("mallory"), { ...nothing, agent: agent("mallory"), links: many(keptLimits.links + 10, (index) => link("mallory", `x${index}`)) });
  expect(network.all().links.length).toBe(most.links);
  expect(network.all().agents.length).toBe(keptLimits.agents);
  network.add(keyOf("alice"), { ...nothing, agent: agent("alice"), links: many(200, (index) => link("alice", `y${index}`)) });
  const { agents, links } = network.all();
  expect(agents.filter(({ watched }) => watched === "remote").map(({ id }) => id)).toEqual(["mallory", "alice"]);
  expect(links.filter(({ from }) => from === keyOf("alice")).length).toBe(200);
  expect([agents.length, links.length]).toEqual([keptLimits.agents, most.links + 200]);
  // What one of them gives up is free again.
  network.add(keyOf("mallory"), { ...nothing, gone: many(300, (index) => keyOf(`x${index}`)) });
  network.add(keyOf("mallory"), { ...nothing, links: many(300, (index) => link("mallory", `z${index}`)) });
  expect(network.all().links.length).toBe(most.links);
});

it("[TM-238] keeps the breakers that moved last, the closed ones going first, and a share of them for each agent", () => {
  const network = createKnownNetwork(2);
  network.add(keyOf("mallory"), { ...nothing, breakers: [breaker(0, "open"), ...many(keptLimits.breakers, (index) => breaker(index + 1))] });
  expect(network.all().breakers.length).toBe(most.breakers);
  network.take();
  network.add(keyOf("mallory"), { ...nothing, breakers: [breaker(1_000_000, "open")] });
  const { breakers, gone } = network.take();
  expect(breakers.map(({ method }) => method)).toEqual(["m1000000"]);
  expect(gone).toEqual([`${keyOf("mallory")} bob m${keptLimits.breakers - most.breakers + 2}`]);
  expect(network.all().breakers.some(({ method }) => method === "m0")).toBe(true);
  network.add(keyOf("alice"), { ...nothing, breakers: many(100, (index) => breaker(index, "open")) });
  expect(network.all().breakers.filter(({ agent: of }) => of === keyOf("alice")).length).toBe(100);
});
