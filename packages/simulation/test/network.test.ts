import { type Address, address } from "@tightbeam/core/transport";
import { describe, expect, it } from "vitest";
import { createScheduler } from "../src/clock/scheduler.js";
import type { FrameFault, Listed, PartitionFault } from "../src/faults/types.js";
import { createNetwork } from "../src/world/network.js";

const inbox = address("inbox", "bob", "AAAAAAAAAAAAAAAAAAAAAA");
const elsewhere = address("inbox", "carol", "BBBBBBBBBBBBBBBBBBBBBB");

/** Sends 200 numbered frames from Alice to Bob, one each ms, and some to Carol before. */
async function send(fault?: Listed & (FrameFault | PartitionFault), seed = 1, from = "alice") {
  const scheduler = createScheduler();
  const did: string[] = [];
  const network = createNetwork({ seed, scheduler, record: (_, detail) => detail.type === "fault" && did.push(detail.what) });
  const got: { readonly at: number; readonly frame: Uint8Array }[] = [];
  const carols: Uint8Array[] = [];
  const listen = (at: Address, agent: string, deliver: (frame: Uint8Array) => void) => network.add(at, { agent, up: true, deliver }, undefined);
  listen(inbox, "bob", (frame) => void got.push({ at: scheduler.now, frame }));
  listen(elsewhere, "carol", (frame) => void carols.push(frame));
  network.send("alice", elsewhere, new Uint8Array(40).fill(9));
  if (fault !== undefined) network.begin(fault);
  for (let number = 0; number < 200; number++) {
    network.send(
      from,
      inbox,
      Uint8Array.from({ length: 40 }, () => number),
    );
    await scheduler.run(scheduler.now + 1);
  }
  if (fault !== undefined) network.end(fault);
  await scheduler.run(scheduler.now + 2_000);
  expect(network.underWay).toBe(0);
  return { got, carols: carols.slice(1), did, numbers: got.map(({ frame }) => frame[30]) };
}

const all = Array.from({ length: 200 }, (_, number) => number);
const fault = (kind: FrameFault["kind"], more: Partial<FrameFault> = {}) =>
  ({ id: 0, kind, from: "*", to: "*", probability: 0.3, ms: 100, at: 0, for: 1, ...more }) as const;
const ascending = (numbers: readonly (number | undefined)[]): boolean =>
  numbers.every((number, index) => index === 0 || (number ?? 0) >= (numbers[index - 1] ?? 0));

describe("the network", () => {
  it("carries everything once and in order when nothing is wrong", async () => {
    const { numbers, carols } = await send();
    expect(numbers).toEqual(all);
    expect(carols).toEqual([]);
  });

  it("drops", async () => {
    const { numbers, did } = await send(fault("drop"));
    expect(numbers.length).toBe(200 - did.length);
    expect(numbers.length).toBeGreaterThan(100);
    expect(numbers.length).toBeLessThan(180);
    expect(ascending(numbers)).toBe(true);
  });

  it("duplicates", async () => {
    const { numbers, did } = await send(fault("duplicate"));
    expect(numbers.length).toBe(200 + did.length);
    expect([...new Set(numbers)]).toEqual(all);
  });

  it("delays in order, and reorders", async () => {
    const late = await send(fault("delay"));
    expect(late.numbers).toEqual(all);
    const mixed = await send(fault("reorder"));
    expect([...mixed.numbers].sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual(all);
    expect(ascending(mixed.numbers)).toBe(false);
  });

  it("truncates, and flips one bit", async () => {
    const short = await send(fault("truncate"));
    expect(short.got.filter(({ frame }) => frame.length < 40).length).toBe(short.did.length);
    const flipped = await send(fault("flip"));
    const bits = flipped.got.map(({ frame }) => {
      const most = [...frame].sort((a, b) => a - b)[20] ?? 0;
      return frame.reduce((sum, byte) => sum + (byte ^ most).toString(2).replaceAll("0", "").length, 0);
    });
    expect(bits.filter((count) => count === 1).length).toBe(flipped.did.length);
    expect(Math.max(...bits)).toBe(1);
  });

  it("replays later, and splices to others and with other heads", async () => {
    const replayed = await send(fault("replay"));
    expect(replayed.got.length).toBe(200 + replayed.did.length);
    const spliced = await send(fault("splice"));
    expect(spliced.numbers).toEqual(all);
    expect(spliced.carols.length).toBe(spliced.did.length);
    expect(spliced.carols.some((frame) => frame[0] === 9 && frame[30] !== 9)).toBe(true);
    expect(spliced.carols.some((frame) => frame[0] === frame[30])).toBe(true);
  });

  it("is parted both ways, or one", async () => {
    const parted = { id: 0, kind: "partition", from: "bob", to: "alice", at: 0, for: 1 } as const;
    expect((await send(parted)).got.length).toBeLessThan(8);
    expect((await send({ ...parted, kind: "oneWay" })).numbers).toEqual(all);
    expect((await send({ ...parted, kind: "oneWay", from: "alice", to: "bob" })).got.length).toBeLessThan(8);
    expect((await send(parted, 1, "carol")).numbers).toEqual(all);
  });

  it("does it to its direction only, and the same again for the same seed", async () => {
    expect((await send(fault("drop", { from: "carol" }))).numbers).toEqual(all);
    expect((await send(fault("drop", { to: "carol" }))).numbers).toEqual(all);
    const once = await send(fault("drop", { from: "alice", to: "bob" }));
    expect((await send(fault("drop", { from: "alice", to: "bob" }))).numbers).toEqual(once.numbers);
    expect((await send(fault("drop"), 2)).numbers).not.toEqual(once.numbers);
  });
});
