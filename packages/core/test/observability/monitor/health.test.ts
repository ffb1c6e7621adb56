import { describe, expect, it } from "vitest";
import type { AgentStatus } from "../../../src/agent-types.js";
import type { ErrorCode } from "../../../src/errors.js";
import { healthOf, readinessOf } from "../../../src/observability/monitor/health.js";
import type { MonitoredAgent } from "../../../src/observability/monitor/observed.js";
import type { DurableStatus } from "../../../src/patterns/durable/types.js";
import { linkWith, statusWith } from "./status.js";

const presence = (state: AgentStatus["presence"]["state"]) => ({ presence: { ...statusWith().presence, state } });
const agentOf = (status: AgentStatus, durable?: Partial<DurableStatus>): MonitoredAgent => {
  const kept: DurableStatus = { store: "s", incarnation: 1, peers: [], receiving: 0, damaged: [], failed: undefined, ...durable };
  return { status: () => status, ...(durable !== undefined && { durable: { status: () => kept } as NonNullable<MonitoredAgent["durable"]> }) };
};
const codesOf = (all: readonly MonitoredAgent[]) => [healthOf(all).status, readinessOf(all).ready, healthOf(all).reasons.map(({ code }) => code)];
const codes = (all: readonly AgentStatus[]) => codesOf(all.map((status) => agentOf(status)));

describe("health and readiness", () => {
  it("an agent that is linked, alone or not looked for is well", () => {
    for (const status of [statusWith(), statusWith({ links: [linkWith("bob")] })]) expect(codes([status])).toEqual(["ok", true, []]);
    for (const state of ["on", "off", "idle", "unsupported"] as const) expect(codes([statusWith(presence(state))])).toEqual(["ok", true, []]);
  });

  const troubles: readonly [title: string, given: Partial<AgentStatus>, health: string, ready: boolean, code: string][] = [
    ["its transport is down", { transport: "down" }, "degraded", false, "transport_down"],
    ["it was closed", { transport: "closed" }, "failed", false, "transport_closed"],
    ["it is being closed", { ready: false }, "degraded", false, "closing"],
    ["a breaker is open", { breakers: [{ peer: "bob", method: "find", state: "open" }] }, "degraded", true, "breakers_open"],
    ["its presence is refused", presence("refused"), "degraded", false, "presence_refused"],
    ["its presence is not announced yet", presence("joining"), "degraded", false, "presence_joining"],
    ["a peer is silent", { links: [linkWith("bob", { state: "suspect" }), linkWith("carol")] }, "degraded", true, "links_suspect"],
  ];
  it.each(troubles)("%s", (_title, given, health, ready, code) => {
    expect(codes([statusWith(given)])).toEqual([health, ready, [code]]);
    // Beside one that is well.
    expect(codes([statusWith({ id: "carol" }), statusWith(given)])).toEqual([health, ready, [code]]);
    expect(healthOf(agentOf(statusWith(given))).reasons[0]?.agent).toBe("alice");
  });

  it("says what to do, and names no peer", () => {
    const all = agentOf(statusWith({ transport: "down", links: [linkWith("bob-the-peer", { state: "suspect" })] }));
    const text = JSON.stringify([healthOf(all), readinessOf(all)]);
    expect(text).not.toContain("bob-the-peer");
    expect(healthOf(all).reasons.map(({ message }) => message.length > 20)).toEqual([true, true]);
    expect(JSON.parse(text)).toStrictEqual([healthOf(all), readinessOf(all)]);
  });

  it("a store that has failed needs a new start; one that was damaged, or a peer's that is not what it was, needs somebody to look", () => {
    const blocked = (code: ErrorCode): Partial<DurableStatus> => ({
      peers: [{ peer: "bob", queued: 1, inFlight: 0, bytes: 1, store: undefined, epoch: 0, blocked: code }],
    });
    expect(codesOf([agentOf(statusWith(), {})])).toEqual(["ok", true, []]);
    expect(codesOf([agentOf(statusWith(), { failed: "store_failed" })])).toEqual(["failed", false, ["store_failed"]]);
    expect(codesOf([agentOf(statusWith(), { damaged: ["letters/1"] })])).toEqual(["degraded", true, ["store_damaged"]]);
    expect(codesOf([agentOf(statusWith(), blocked("store_rolled_back"))])).toEqual(["degraded", true, ["durable_blocked"]]);
    // A peer that is away is nobody's trouble here.
    expect(codesOf([agentOf(statusWith(), blocked("no_answer"))])).toEqual(["ok", true, []]);
  });

  it("without an agent nothing is ready, and nothing has failed", () => expect(codes([])).toEqual(["degraded", false, ["no_agents"]]));
});
