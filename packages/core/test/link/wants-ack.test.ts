import { describe, expect, test } from "vitest";
import * as limits from "../../src/limits.js";
import { msgOverhead, pingBytes } from "../../src/link/cells.js";
import { calm, createNetwork, type Network } from "./network.js";

const roundTrip = 2 * calm.delay;

/** Sends one message and returns the ms until its sender knows that it was received. */
function received(network: Network, bytes: number, wantsAck: boolean): number {
  let at: number | undefined;
  const began = network.now;
  const watch = {
    received() {
      at = network.now - began;
    },
  };
  network.sides[0].conversation.send({ bytes: new Uint8Array(bytes), lane: 2, intake: true, wantsAck, watch });
  expect(network.run(() => at !== undefined, 3_600_000)).toBe(true);
  return at as number;
}

describe("a message whose sender waits for its acknowledgement", () => {
  test("is acknowledged at once, with no record more than another", () => {
    const [patient, waiting] = [createNetwork({ seed: 1 }), createNetwork({ seed: 1 })];
    expect(received(patient, 32, false)).toBe(roundTrip + limits.ackDelayMs);
    expect(received(waiting, 32, true)).toBe(roundTrip);
    expect(waiting.records).toBe(patient.records);
  });

  test("also when its record has no room for the PING, which goes with the next", () => {
    const bytes = 100;
    const patient = createNetwork({ seed: 1 });
    received(patient, bytes, false);
    for (let spare = 0; spare <= pingBytes; spare++) {
      const network = createNetwork({ seed: 1, room: [bytes + msgOverhead + spare, 1_024] });
      expect(received(network, bytes, true)).toBe(roundTrip);
      expect(network.records).toBe(patient.records + (spare < pingBytes ? 1 : 0));
    }
  });

  test("and when it is cut into pieces: none of them but the last asks", () => {
    const network = createNetwork({ seed: 1, room: [16 * 1024, 16 * 1024] });
    expect(received(network, 40 * 1024, true)).toBe(roundTrip);
  });

  test("and where half of the records are lost, in the end", () => {
    const network = createNetwork({ seed: 7, faults: { drop: 0.5 } });
    for (let index = 0; index < 20; index++) expect(received(network, 32, true)).toBeGreaterThanOrEqual(roundTrip);
    expect(network.sides.map(({ ended }) => ended)).toEqual([[], []]);
  });

  test("many at once ask once for each record", () => {
    const network = createNetwork({ seed: 1 });
    received(network, 32, true);
    const [before, began] = [network.records, network.now];
    let known = 0;
    for (let index = 0; index < 100; index++)
      network.sides[0].conversation.send({ bytes: new Uint8Array(32), lane: 2, intake: true, wantsAck: true, watch: { received: () => void known++ } });
    expect(network.run(() => known === 100, 10_000)).toBe(true);
    expect(network.now - began).toBe(roundTrip);
    expect(network.records - before).toBe(2);
  });
});
