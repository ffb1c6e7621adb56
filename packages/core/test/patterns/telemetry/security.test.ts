import { describe, expect, test } from "vitest";
import { createSecurityCounts, natureOf } from "../../../src/patterns/telemetry/security.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";
import type { TelemetryEvent } from "../../../src/telemetry/types.js";

function watched() {
  const runtime = createVirtualRuntime({ seed: 1 });
  const events: TelemetryEvent[] = [];
  return {
    runtime,
    events,
    counts: createSecurityCounts(runtime, (event) => void events.push(event)),
    told: () => events.map((event) => event.kind === "security" && [event.reason, event.count, event.peer]),
  };
}

describe("TM-213 what anybody can cause", () => {
  test("is told the first time, then at most once a second for each reason, with how often", async () => {
    const { runtime, counts, told } = watched();
    for (let n = 0; n < 10_000; n++) counts.count("forged", "auth", { id: "bob" });
    expect(told()).toEqual([["auth", 1, "bob"]]);
    counts.count("replayed", "replayed");
    expect(told()).toHaveLength(2);
    await runtime.advance(999);
    expect(told()).toHaveLength(2);
    await runtime.advance(2);
    expect(told()[2]).toEqual(["auth", 9_999, "bob"]);
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 100; n++) counts.count("forged", "auth");
      await runtime.advance(1_000);
    }
    const counted = told().flatMap((each) => (each !== false && each[0] === "auth" ? [each[1] as number] : []));
    expect(counted.length).toBeLessThanOrEqual(12);
    expect(counted.reduce((sum, one) => sum + one, 0)).toBe(11_000);
  });

  test("of several peers names none of them", async () => {
    const { runtime, counts, told } = watched();
    for (const id of ["a", "a", "b", "b"]) counts.count("refused", "forbidden", { id });
    await runtime.advance(1_001);
    expect(told()).toEqual([
      ["forbidden", 1, "a"],
      ["forbidden", 3, undefined],
    ]);
    for (const id of ["c", "c"]) counts.count("refused", "forbidden", { id, instance: "i" });
    await runtime.advance(1_001);
    expect(told()[2]).toEqual(["forbidden", 2, "c"]);
  });

  test("takes a place for 128 reasons, however many somebody makes up, and none when it is quiet", async () => {
    const { runtime, counts, events } = watched();
    for (let n = 0; n < 10_000; n++) counts.count("refused", `reason ${n}`);
    expect(events).toHaveLength(129);
    expect(events.at(-1)).toMatchObject({ reason: "other", count: 1 });
    await runtime.advance(1_001);
    expect(events.at(-1)).toMatchObject({ reason: "other", count: 10_000 - 129 });
    await runtime.advance(2_000);
    counts.count("refused", "reason 9999");
    expect(events.at(-1)).toMatchObject({ reason: "reason 9999", count: 1 });
    counts.end();
    const before = events.length;
    await runtime.advance(5_000);
    expect(events).toHaveLength(before);
  });

  test("counters of handshakes have their nature; what is new is refused", () => {
    expect(["no_session", "hs3_auth", "late_hs3", "no_common_suite", "table_full", "__proto__", "constructor"].map(natureOf)).toEqual([
      "unknown_key",
      "forged",
      "replayed",
      "downgrade",
      "refused",
      "refused",
      "refused",
    ]);
  });
});
