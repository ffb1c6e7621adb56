import { describe, expect, it } from "vitest";
import type { AgentStatus } from "../../../src/agent-types.js";
import { healthOf, readinessOf } from "../../../src/observability/monitor/health.js";
import { linkWith, statusWith } from "./status.js";

const presence = (state: AgentStatus["presence"]["state"]) => ({ presence: { ...statusWith().presence, state } });
const codes = (all: readonly AgentStatus[]) => [healthOf(all).status, readinessOf(all).ready, healthOf(all).reasons.map(({ code }) => code)];

describe("health and readiness", () => {
  it("an agent that is linked, alone or not looked for is well", () => {
    for (const status of [statusWith(), statusWith({ links: [linkWith("bob")] })]) expect(codes([status])).toEqual(["ok", true, []]);
    for (const state of ["on", "off", "idle", "unsupported"] as const) expect(codes([statusWith(presence(state))])).toEqual(["ok", true, []]);
  });

  const troubles: readonly [title: string, given: Partial<AgentStatus>, health: string, ready: boolean, code: string][] = [
    ["its transport is down", { transport: "down" }, "degraded", false, "transport_down"],
    ["it was closed", { transport: "closed" }, "failed", false, "transport_closed"],
    ["its presence is refused", presence("refused"), "degraded", false, "presence_refused"],
    ["its presence is not announced yet", presence("joining"), "degraded", false, "presence_joining"],
    ["a peer is silent", { links: [linkWith("bob", { state: "suspect" }), linkWith("carol")] }, "degraded", true, "links_suspect"],
  ];
  it.each(troubles)("%s", (_title, given, health, ready, code) => {
    expect(codes([statusWith(given)])).toEqual([health, ready, [code]]);
    // Beside one that is well.
    expect(codes([statusWith({ id: "carol" }), statusWith(given)])).toEqual([health, ready, [code]]);
    expect(healthOf([statusWith(given)]).reasons[0]?.agent).toBe("alice");
  });

  it("says what to do, and names no peer", () => {
    const all = [statusWith({ transport: "down", links: [linkWith("bob-the-peer", { state: "suspect" })] })];
    const text = JSON.stringify([healthOf(all), readinessOf(all)]);
    expect(text).not.toContain("bob-the-peer");
    expect(healthOf(all).reasons.map(({ message }) => message.length > 20)).toEqual([true, true]);
    expect(JSON.parse(text)).toStrictEqual([healthOf(all), readinessOf(all)]);
  });

  it("without an agent nothing is ready, and nothing has failed", () => expect(codes([])).toEqual(["degraded", false, ["no_agents"]]));
});
