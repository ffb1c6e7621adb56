import { type AddressInfo, createServer } from "node:net";
import { type Agent, type Authority, createAgent, createAuthority } from "@tightbeam/core";
import { connectNats } from "@tightbeam/nats";
import { afterEach, describe, expect, it } from "vitest";
import { type Broker, startBroker, withNatsServer } from "../packages/nats/test/broker.js";
import { until } from "./agents/settling.js";

// What docs/scaling.md says about growing past one cluster, with real servers.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const keep = <T extends { close(): unknown }>(thing: T): T => {
  closers.push(() => thing.close());
  return thing;
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function troupe() {
  const authority: Authority = await createAuthority({ issuer: "https://auth.example" });
  return async (id: string, at: Broker, login: { user?: string; password?: string } = {}): Promise<Agent> => {
    const transport = await connectNats({ servers: at.url, ...login });
    const agent = keep(await createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport }));
    agent.handle("where", () => `${agent.id} ${agent.instance}`);
    return agent;
  };
}

/** Two clusters of one server each, joined by gateways. */
async function superCluster(): Promise<readonly [east: Broker, west: Broker]> {
  const [eastPort, westPort] = [await freePort(), await freePort()];
  const gateways = `gateways: [{ name: east, url: "nats://127.0.0.1:${eastPort}" }, { name: west, url: "nats://127.0.0.1:${westPort}" }]`;
  const config = (name: string, port: number): string =>
    `server_name: ${name}\nhttp: "127.0.0.1:-1"\ngateway { name: ${name}, listen: "127.0.0.1:${port}", ${gateways} }`;
  const east = keep(await startBroker(config("east", eastPort)));
  const west = keep(await startBroker(config("west", westPort)));
  for (const { monitoring } of [east, west]) {
    let joined = 0;
    const look = async (): Promise<void> => {
      const { outbound_gateways: outbound } = (await (await fetch(`${monitoring}/gatewayz`)).json()) as { readonly outbound_gateways: object };
      joined = Object.keys(outbound).length;
    };
    while (joined === 0) await look();
  }
  return [east, west];
}

withNatsServer("agents past one cluster of NATS", () => {
  describe("a super-cluster", () => {
    it("carries links between its clusters, and gives new links to the members of a group that are near", { timeout: 60_000 }, async () => {
      const [east, west] = await superCluster();
      const join = await troupe();
      const near = await join("alice", east);
      const far = await join("alice", west);
      const askers = await Promise.all(Array.from({ length: 6 }, (_, index) => join(`bob-${index}`, east)));
      for (const asker of askers) expect(await asker.request("alice", "where", null)).toBe(`alice ${near.instance}`);
      await near.close();
      const late = await join("carol", east);
      expect(await late.request("alice", "where", null)).toBe(`alice ${far.instance}`);
    });
  });

  describe("a leaf node", () => {
    it("joins its agents to those of the cluster, with logins of its own", { timeout: 60_000 }, async () => {
      const port = await freePort();
      const accept = (password: string): string => `authorization { users = [{ user: agents, password: ${password} }] }`;
      const hub = keep(await startBroker(`leafnodes { listen: "127.0.0.1:${port}" }\n${accept("of-the-hub")}`));
      const remote = `leafnodes { remotes = [{ url: "nats://agents:of-the-hub@127.0.0.1:${port}" }] }`;
      const leaf = keep(await startBroker(`${remote}\n${accept("of-the-leaf")}`));
      const join = await troupe();
      const alice = await join("alice", hub, { user: "agents", password: "of-the-hub" });
      const bob = await join("bob", leaf, { user: "agents", password: "of-the-leaf" });
      expect(await bob.request("alice", "where", null)).toBe(`alice ${alice.instance}`);
      expect(await alice.request("bob", "where", null)).toBe(`bob ${bob.instance}`);
      const [link] = alice.links("bob");
      await hub.kill();
      await until(() => link?.status().state !== "up");
      await hub.start();
      expect(await bob.request("alice", "where", null)).toBe(`alice ${alice.instance}`);
      expect(alice.links("bob")).toEqual([link]);
    });
  });
});
