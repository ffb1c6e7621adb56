import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createSignalWatch } from "../src/signal-watch.js";

describe("a watch of signals", () => {
  it("has one listener on a signal, however many wait for it, and none when nobody does", () => {
    const signals = createSignalWatch();
    const { signal } = new AbortController();
    const leave = Array.from({ length: 1_000 }, () => signals.on(signal, () => undefined));
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const each of leave) each();
    for (const each of leave) each();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    signals.on(signal, () => undefined);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
  });

  it("tells each once, in their order, and nobody who left: also of those who leave or come meanwhile", () => {
    const signals = createSignalWatch();
    const stop = new AbortController();
    const told: string[] = [];
    signals.on(stop.signal, () => {
      told.push("a");
      leaveC();
    });
    const same = (): void => void told.push("b");
    signals.on(stop.signal, same);
    signals.on(stop.signal, same);
    const leaveC = signals.on(stop.signal, () => told.push("c"));
    signals.on(stop.signal, () => told.push("d"))();
    stop.abort();
    expect(told).toEqual(["a", "b", "b"]);
    leaveC();
  });

  it("a function of a signal's first listeners says nothing to its later ones", () => {
    const signals = createSignalWatch();
    const stop = new AbortController();
    const told: string[] = [];
    const old = signals.on(stop.signal, () => told.push("old"));
    old();
    signals.on(stop.signal, () => told.push("new"));
    old();
    stop.abort();
    expect(told).toEqual(["new"]);
  });
});
