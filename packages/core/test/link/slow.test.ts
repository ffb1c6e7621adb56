import { describe, expect, test } from "vitest";
import * as protocol from "../../src/protocol.js";
import { createNetwork, numbered, numberOf } from "./network.js";

const megabyte = 1024 * 1024;

/** A large message, and small critical ones beside it. `rate`: bytes in a ms. */
function crowd(rate: number, bytes: number) {
  const network = createNetwork({ seed: 1, faults: { delay: 20, rate } });
  const [a, b] = network.sides;
  const waited: number[] = [];
  let large = 0;
  let suspect = false;
  b.onDelivery = (delivery) => {
    if (delivery.lane === 0) waited.push(network.now - numberOf(delivery.bytes));
    else large = network.now;
    delivery.settle("ok");
  };
  a.conversation.send({ bytes: numbered(0), lane: 0, intake: true });
  network.run(() => waited.length === 1, 1_000);
  const began = network.now;
  a.conversation.send({ bytes: new Uint8Array(bytes), lane: 3, intake: true });
  network.every(100, Math.floor(bytes / rate / 100), () => {
    a.conversation.send({ bytes: numbered(network.now), lane: 0, intake: true });
    suspect ||= a.conversation.health(network.now).suspect;
  });
  network.run(() => large > 0 && network.sides[0].conversation.idle, 10_000_000);
  waited.sort((x, y) => x - y);
  return { network, a, waited, took: large - began, suspect };
}

describe("a narrow way", () => {
  test.each([
    [20, 5_500],
    [100, 1_700],
    [1_000, 700],
  ])("of %d KB a second: what is critical passes a large message within %d ms, which takes no longer for it", (rate, most) => {
    const { waited, took } = crowd(rate, 4 * megabyte);
    expect(waited.at(-1)).toBeLessThan(most);
    expect(took).toBeLessThan((1.05 * 4 * megabyte) / rate);
  });

  test("that becomes wide again: the window is whole again within some round trips", () => {
    const { network, a } = crowd(100, 4 * megabyte);
    expect(a.conversation.counters.congestionWindow).toBeLessThan(200_000);
    network.faults.rate = 0;
    const began = network.now;
    a.conversation.send({ bytes: new Uint8Array(16 * megabyte), lane: 3, intake: true });
    network.run(() => a.conversation.counters.congestionWindow === protocol.windowMaxBytes, began + 1_000);
    expect(network.now - began).toBeLessThan(400);
  });

  test("that becomes narrow under a whole window: the window follows", () => {
    const { network, a } = crowd(10_000, 4 * megabyte);
    expect(a.conversation.counters.congestionWindow).toBe(protocol.windowMaxBytes);
    network.faults.rate = 100;
    a.conversation.send({ bytes: new Uint8Array(8 * megabyte), lane: 3, intake: true });
    network.run(() => false, network.now + 40_000);
    expect(a.conversation.counters.congestionWindow).toBeLessThan(200_000);
  });

  test("that becomes long: it is filled again", () => {
    const { network, a } = crowd(0, 4 * megabyte);
    network.faults.delay = 600;
    a.conversation.send({ bytes: new Uint8Array(60 * megabyte), lane: 3, intake: true });
    network.run(() => false, network.now + 180_000);
    expect(a.conversation.counters.congestionWindow).toBe(protocol.windowMaxBytes);
  });
});
