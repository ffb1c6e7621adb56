import { connect as connectNew } from "@nats-io/transport-node";
import { address, type Transport } from "@tightbeam/core/transport";
import { connect as connectOld } from "nats";
import { describe, expect, it } from "vitest";
import { connectNats } from "../src/index.js";
import { type Broker, withNatsServer } from "./broker.js";
import { broker, bytes, changesOf, closeLater, listen, until } from "./fixture.js";

/** Three servers that know each other. */
async function cluster(more: readonly string[] = ["", "", ""]): Promise<[Broker, Broker, Broker]> {
  const config = (name: string, routes: readonly Broker[], own = ""): string =>
    `server_name: ${name}\ncluster: { name: c, listen: "127.0.0.1:-1", no_advertise: false, routes: [${routes.map(({ route }) => `"nats://${route}"`).join(", ")}] }\n${own}`;
  const a = await broker(config("a", [], more[0]));
  const b = await broker(config("b", [a], more[1]));
  const c = await broker(config("c", [a, b], more[2]));
  return [a, b, c];
}

const clientOptions = { maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0, noRandomize: true };
const ways: readonly (readonly [string, (servers: string[]) => Promise<Transport>])[] = [
  ["its own client", (servers) => connectNats({ servers, reconnect: { minMs: 10, maxMs: 50 } })],
  ["@nats-io/transport-node", async (servers) => connectNats({ connection: await connectNew({ servers, ...clientOptions }), closeConnection: true })],
  ["nats 2.29", async (servers) => connectNats({ connection: await connectOld({ servers, ...clientOptions }), closeConnection: true })],
];

withNatsServer("nats: a cluster of three", () => {
  describe.each(ways)("a cluster of three, over %s", (_, open) => {
    it("carries frames between its servers, and goes on at another one when the connected one is killed", async () => {
      const [a, b, c] = await cluster();
      // One server named: the others are learned from it.
      const alice = closeLater(await open([a.url]));
      const bob = closeLater(await open([c.url]));
      const at = address("agent", "alice");
      const got = await listen(alice, at, "alice");
      const reach = async (): Promise<void> => {
        const before = got.length;
        const end = performance.now() + 10_000;
        while (got.length === before && performance.now() < end) {
          await bob.send(at, bytes("x")).catch(() => undefined);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        expect(got.length).toBeGreaterThan(before);
      };
      await reach();
      const changes = changesOf(alice);
      await a.kill();
      await until(() => changes.some(({ type }) => type === "up"), "going on at another server");
      expect(changes.map(({ type }) => type)).toEqual(["down", "up"]);
      await reach();
      await b.kill();
      await until(() => alice.state.current === "up" && bob.state.current === "up", "both at the last server");
      await reach();
    });

    it("gives the max_payload of the server it is at", async () => {
      const [a, b, c] = await cluster(["max_payload: 65536", "max_payload: 131072", "max_payload: 131072"]);
      const alice = closeLater(await open([a.url]));
      expect(alice.capabilities.maxFrameBytes).toBe(65_536);
      const changes = changesOf(alice);
      await a.kill();
      await until(() => changes.some(({ type }) => type === "up"), "going on at another server");
      expect(alice.capabilities.maxFrameBytes).toBe(131_072);
      expect([b.port, c.port]).not.toContain(a.port);
    });
  });

  it("shares a group over its servers: one member gets each frame", async () => {
    const brokers = await cluster();
    const at = address("agent", "alice");
    const members = await Promise.all(brokers.map(async ({ url }) => closeLater(await connectNats({ servers: url }))));
    const got = await Promise.all(members.map((member) => listen(member, at, "alice")));
    const bob = closeLater(await connectNats({ servers: brokers[1].url }));
    // Interest travels between servers in its own time.
    await until(() => {
      bob.send(at, bytes("probe")).catch(() => undefined);
      return got.every((frames) => frames.includes("probe"));
    }, "every member known at bob's server");
    for (let i = 0; i < 300; i += 1) await bob.send(at, bytes(String(i)));
    const numbers = (): string[] => got.flat().filter((frame) => frame !== "probe");
    await until(() => numbers().length >= 300, "every frame");
    expect(
      numbers()
        .map(Number)
        .sort((x, y) => x - y),
    ).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });
});
