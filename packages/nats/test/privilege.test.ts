import { readFileSync } from "node:fs";
import { connect as connectNew } from "@nats-io/transport-node";
import { createAgent, createAuthority } from "@tightbeam/core";
import { address, agentAddress, inboxAddress } from "@tightbeam/core/transport";
import { describe, expect, it } from "vitest";
import { type Broker, withNatsServer } from "./broker.js";
import { broker, bytes, closeLater, codeOf, connect, until } from "./fixture.js";

const page = readFileSync(new URL("../../../docs/nats.md", import.meta.url), "utf8");
const config = /<!-- config: least-privilege -->\n```\n([\s\S]*?)```/.exec(page)?.[1] ?? "the page has no such configuration";
/** A server may take these, and then deliver nothing but what is for instances of `team`. */
const own: readonly (readonly [string, string?])[] = [["acme.inbox.team.>"], ["acme.inbox.team.*"]];
const login = (user: string) => ({ user, password: `${user}s-secret` });

/** Ways to listen in on alice, team/carol and everybody, as subject and queue. */
const subjects: readonly (readonly [string, string?])[] = [
  ["acme.agent.alice", "alice"],
  ["acme.agent.alice", "team"],
  ["acme.agent.alice"],
  ["acme.agent.*", "alice"],
  ["acme.agent.>"],
  ["acme.agent.team.carol", "team.carol"],
  ["acme.inbox.alice.*"],
  ["acme.inbox.alice.>"],
  ["acme.inbox.*.*"],
  ["acme.inbox.>"],
  ["acme.inbox.team.carol.*"],
  ["acme.presence.*"],
  ["acme.presence.>"],
  ["acme.presence.team"],
  ["acme.*.*.*"],
  ["acme.>"],
  ["*.>"],
  [">"],
];

/** A client that knows NATS and nothing of us, and what it gets to hear. */
async function rogue(server: Broker, credentials: { user?: string; pass?: string }) {
  const connection = closeLater(await connectNew({ servers: server.url, ...credentials }));
  const heard: string[] = [];
  const refused: string[] = [];
  for (const [subject, queue] of [...subjects, ...own]) {
    connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => void (error ? refused.push(subject) : heard.push(message.subject)),
    });
  }
  await connection.flush();
  return { connection, heard, refused };
}

/** Alice, carol and bob make links, each new instance of bob a new one, and talk. */
async function talk(server: Broker): Promise<number> {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const join = async (id: string, user: string) => {
    const transport = await connect(server, { ...login(user), prefix: "acme" });
    const agent = await createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport });
    return closeLater(agent);
  };
  const [alice, carol] = [await join("alice", "alice"), await join("team/carol", "carol")];
  alice.handle("echo", (input) => input);
  carol.handle("echo", (input) => input);
  let answered = 0;
  for (let i = 0; i < 8; i += 1) {
    const bob = await join("bob", "bob");
    for (const id of ["alice", "team/carol"]) {
      const reply = await bob.request(id, "echo", i);
      if (reply === i) answered += 1;
    }
  }
  return answered;
}

withNatsServer("nats: least privilege", () => {
  describe("the configuration of docs/nats.md", () => {
    it("TM-86: lets agents work, and a rogue client of the same account neither take a group's handshakes nor read an inbox", async () => {
      const server = await broker(config);
      const team = await rogue(server, { user: "team", pass: "teams-secret" });
      expect(team.refused.filter((subject) => !own.flat().includes(subject))).toEqual(subjects.map(([subject]) => subject));
      expect(await talk(server)).toBe(16);
      expect(team.heard).toEqual([]);
    });

    it("TM-86: lets agents of one realm find each other, and a rogue client hear hints of its own realm only", async () => {
      const server = await broker(config);
      const team = await rogue(server, { user: "team", pass: "teams-secret" });
      const hints: string[] = [];
      team.connection.subscribe("acme.presence._", { callback: (_, message) => void hints.push(message.subject) });
      const authority = await createAuthority({ issuer: "https://auth.example" });
      const join = async (id: string, user: string, options: { kinds?: string[] } = {}) => {
        const transport = await connect(server, { ...login(user), prefix: "acme" });
        const identity = await authority.enroll(id, { permissions: ["serve:echoer"] });
        return closeLater(await createAgent({ identity, trust: authority.trust(), transport, presence: { every: 200 }, ...options }));
      };
      const [alice, carol] = [await join("alice", "alice", { kinds: ["echoer"] }), await join("team/carol", "carol", { kinds: ["echoer"] })];
      for (const agent of [alice, carol]) agent.handle("echo", () => agent.id);
      const bob = await join("bob", "bob");
      expect(await bob.request({ kind: "echoer" }, "echo")).toBe("alice");
      await until(() => carol.status().presence.counters.sent > 3, "carol's hints");
      expect(carol.status().presence).toMatchObject({ state: "on", address: "presence/team" });
      expect(bob.peers({ kind: "echoer" }).map(({ id }) => id)).toEqual(["alice"]);
      expect(hints.length).toBeGreaterThan(0);
      expect(team.heard).toEqual([]);
    });

    it("TM-135: tells an agent that its user may not use its realm's subject, and leaves the rest to it", async () => {
      const server = await broker(config.replaceAll("acme.presence._", "acme.presence.nowhere"));
      const authority = await createAuthority({ issuer: "https://auth.example" });
      const transport = await connect(server, { ...login("bob"), prefix: "acme" });
      const bob = closeLater(await createAgent({ identity: await authority.enroll("bob"), trust: authority.trust(), transport }));
      bob.peers();
      await until(() => bob.status().presence.state === "refused", "a refusal");
      expect(await talk(server)).toBe(16);
    });

    it("TM-86: lets a client of another account hear nothing, whatever it subscribes to", async () => {
      const server = await broker(config);
      const mallory = await rogue(server, { user: "mallory", pass: "mallorys-secret" });
      expect(mallory.refused).toEqual([]);
      expect(await talk(server)).toBe(16);
      expect(mallory.heard).toEqual([]);
    });

    it("is what keeps them out: without permissions the same client takes handshakes and reads inboxes", async () => {
      const server = await broker();
      const open = await rogue(server, {});
      const alice = await connect(server, { prefix: "acme" });
      const [group, inbox] = [agentAddress("alice"), inboxAddress("alice", "i".repeat(22))];
      const got = { group: 0, inbox: 0 };
      await alice.subscribe(
        group,
        () => {
          got.group += 1;
        },
        { group: "alice" },
      );
      await alice.subscribe(inbox, () => {
        got.inbox += 1;
      });
      for (let i = 0; i < 100; i += 1) {
        await alice.send(group, bytes("first frame of a handshake"));
        await alice.send(inbox, bytes("anything else"));
      }
      await until(() => got.inbox === 100, "what was sent to the inbox");
      expect(open.refused).toEqual([]);
      expect(got.group).toBeLessThan(100);
      expect(open.heard).toContain("acme.agent.alice");
      expect(open.heard).toContain(`acme.inbox.alice.${"i".repeat(22)}`);
    });

    it("refuses the same through our transport, typed", async () => {
      const server = await broker(config);
      const transport = await connect(server, { ...login("bob"), prefix: "acme" });
      const none = (): void => undefined;
      const instance = "i".repeat(22);
      expect(await codeOf(transport.subscribe(agentAddress("alice"), none, { group: "alice" }))).toBe("denied");
      expect(await codeOf(transport.subscribe(agentAddress("alice"), none))).toBe("denied");
      expect(await codeOf(transport.subscribe(inboxAddress("alice", instance), none))).toBe("denied");
      expect(await codeOf(transport.subscribe(inboxAddress("team/carol", instance), none))).toBe("denied");
      expect(await codeOf(transport.subscribe(address("inbox", "bob", "more", instance), none))).toBe("denied");
      const got: Uint8Array[] = [];
      await transport.subscribe(inboxAddress("bob", instance), (frame) => void got.push(frame));
      await transport.subscribe(agentAddress("bob"), none, { group: "bob" });
      await transport.subscribe(address("presence", "_"), none);
      await transport.send(inboxAddress("bob", instance), bytes("own"));
      await until(() => got.length > 0, "a frame to the own inbox");
    });

    it("refuses what is published beside agents, inboxes and presence", async () => {
      const server = await broker(config);
      const transport = await connect(server, { ...login("bob"), prefix: "acme" });
      const refused: string[] = [];
      transport.state.subscribe((change) => void (change.type === "send_failed" && refused.push(change.to)));
      for (const to of [address("control"), address("presence", "a", "b"), address("presence", "team"), address("agent")]) await transport.send(to, bytes("x"));
      await until(() => refused.length === 4, "four refusals");
      expect(refused).toEqual(["control", "presence/a/b", "presence/team", "agent"]);
    });
  });
});
