import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asciiBytes, encodeFrame, frameType } from "../../src/protocol.js";
import { createFixture, type Fixture, until } from "../fixture.js";
import { instanceOf, logIn, type RawClient, subscribe } from "../raw.js";

/* One frame to an address with many listeners is many copies: what a rogue agent makes of that. */

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const realm = "presence/_";
let fixture: Fixture;
let clients: RawClient[];

beforeEach(async () => {
  fixture = await createFixture();
  clients = [];
});
afterEach(async () => {
  for (const { socket } of clients) socket.terminate();
  await fixture.close();
});

/** Logged in, with so many subscriptions at the realm's hints. */
async function listener(url: string, id: string, letter: string, seats: number): Promise<RawClient> {
  const client = await logIn(url, await fixture.enroll(id, { permissions: ["transport:presence"] }), instanceOf(letter));
  clients.push(client);
  for (let number = 1; number <= seats; number++) await subscribe(client, number, realm);
  return client;
}

describe("TM-84 a frame to many", () => {
  it("costs the relay its bytes once, however many take nothing", async () => {
    const mib = 1024 * 1024;
    const relay = await fixture.relay({ limits: { maxFrameBytes: mib, outgoingBytes: 128 * mib } });
    for (const letter of "abcd") (await listener(relay.url, "mallory", letter, 64)).socket.pause();
    const sender = await listener(relay.url, "mallory", "s", 0);
    gc();
    const before = process.memoryUsage().arrayBuffers;
    sender.send(frameType.send, 0, realm, new Uint8Array(mib));
    await until(() => relay.stats().framesOut === 4 * 64, "a frame for every subscription");
    gc();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * mib);
  });

  it("is copied so often a second for one agent, over all its sockets, and for others all the same", async () => {
    const relay = await fixture.relay({ limits: { copiesPerSecond: 500 } });
    for (const letter of "ab") await listener(relay.url, "mallory", letter, 64);
    const [one, two] = [await listener(relay.url, "mallory", "s", 0), await listener(relay.url, "mallory", "t", 0)];
    const honest = await listener(relay.url, "honest", "h", 0);
    const began = performance.now();
    for (let i = 0; i < 200; i++) for (const { socket } of [one, two]) socket.send(encodeFrame(frameType.send, 0, asciiBytes(realm), Uint8Array.of(i)));
    await until(() => relay.stats().framesIn === 400, "all frames");
    const made = relay.stats().framesOut;
    // What was granted in the time it took, and one frame of overshoot; the first of each frame is no copy.
    expect((made * 127) / 128).toBeLessThanOrEqual(500 + (performance.now() - began) / 2 + 127);
    expect(relay.stats().framesDropped).toBeGreaterThan(300);

    honest.send(frameType.send, 0, realm, Uint8Array.of(7));
    await until(() => relay.stats().framesOut === made + 128, "the honest frame at everyone");
    // Only what goes to many is counted.
    await subscribe(honest, 1, `inbox/honest/${instanceOf("h")}`);
    one.send(frameType.send, 0, `inbox/honest/${instanceOf("h")}`, Uint8Array.of(8));
    expect((await honest.next(frameType.msg)).body).toEqual(Uint8Array.of(8));
  });
});
