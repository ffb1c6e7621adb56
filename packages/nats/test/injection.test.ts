import { connect as connectNew, headers } from "@nats-io/transport-node";
import { type Address, address, type Transport } from "@tightbeam/core/transport";
import { connect as connectOld } from "nats";
import { describe, expect, it } from "vitest";
import { connectNats } from "../src/index.js";
import { withNatsServer } from "./broker.js";
import { broker, bytes, closeLater, listen, mustWork, until } from "./fixture.js";
import { odd } from "./odd.js";
import { createTee } from "./tee.js";

const clients = [
  ["its own client", async (url: string, prefix: string) => connectNats({ servers: url, prefix })],
  [
    "@nats-io/transport-node",
    async (url: string, prefix: string) => connectNats({ connection: await connectNew({ servers: url }), closeConnection: true, prefix }),
  ],
  ["nats 2.29", async (url: string, prefix: string) => connectNats({ connection: await connectOld({ servers: url }), closeConnection: true, prefix })],
] as const;

/** All a client of ours may ever say. */
const allowed = [
  /^CONNECT \{[^\r\n]*\}$/,
  /^PING$/,
  /^PONG$/,
  /^PUB acme(?:\.[A-Za-z0-9_-]{1,64}){1,4} \d+$/,
  /^SUB acme(?:\.[A-Za-z0-9_-]{1,64}){1,4}(?: [A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?)? \d+$/,
  /^UNSUB \d+$/,
];
const foreign = (commands: readonly string[]): string[] => commands.filter((command) => !allowed.some((pattern) => pattern.test(command)));

withNatsServer("nats: subject injection", () => {
  describe.each(clients)("what reaches the wire through %s", (_, open) => {
    it("TM-87: is nothing but our subjects, whatever is sent, subscribed to, or named as group or prefix", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const transport: Transport = closeLater(await open(tee.url, "acme"));
      const bystander = closeLater(await connectNats({ servers: server.url, prefix: "acme" }));
      const stolen = await listen(bystander, address("stolen"));
      const at = address("inbox", "a", "x");
      for (const one of odd) {
        const what = JSON.stringify(one.slice(0, 40));
        await expect(transport.send(one as Address, bytes("x")), what).rejects.toMatchObject({ code: "invalid_address" });
        await expect(
          transport.subscribe(one as Address, () => undefined),
          what,
        ).rejects.toMatchObject({ code: "invalid_address" });
        await expect(
          transport.subscribe(at, () => undefined, { group: one }),
          what,
        ).rejects.toMatchObject({ code: "invalid_argument" });
        await expect(connectNats({ servers: tee.url, prefix: one }), what).rejects.toMatchObject({ code: "invalid_argument" });
      }
      // A payload that looks like the protocol stays a payload.
      await transport.send(address("agent", "a"), bytes("x\r\nPUB acme.stolen 0\r\n\r\nSUB > 7\r\n"));
      await transport.subscribe(address("agent", "a"), () => undefined, { group: "acme/a" });
      await mustWork(transport);
      const commands = tee.commands();
      expect(commands.filter((command) => command.startsWith("PUB")).length).toBeGreaterThanOrEqual(2);
      expect(commands).toContainEqual(expect.stringMatching(/^SUB acme\.agent\.a acme\.a \d+$/));
      expect(foreign(commands)).toEqual([]);
      expect(stolen).toEqual([]);
    });
  });

  describe("what others publish to us through any client", () => {
    it("TM-88: is bytes and nothing else: headers and a reply subject are not looked at, and nobody is answered", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const transport = closeLater(await connectNats({ servers: tee.url, prefix: "acme" }));
      const got = await listen(transport, address("agent", "a"));
      const rogue = closeLater(await connectNew({ servers: server.url }));
      const answers: string[] = [];
      rogue.subscribe(">", { callback: (_error, { subject }) => void answers.push(subject) });
      const told = headers(503, "No Responders");
      told.set("Nats-Service-Error", "no");
      rogue.publish("acme.agent.a", bytes("bytes"), { headers: told, reply: "$SYS.REQ.SERVER.PING" });
      rogue.publish("acme.agent.a", bytes(""), { headers: told, reply: "acme.inbox.b.victim" });
      await rogue.flush();
      await until(() => got.length === 2, "both");
      expect(got).toEqual(["bytes", ""]);
      await mustWork(transport);
      await rogue.flush();
      expect(answers.filter((subject) => !subject.startsWith("acme.agent.a") && !subject.startsWith("acme.inbox.probe"))).toEqual([]);
      expect(foreign(tee.commands())).toEqual([]);
    });
  });

  describe("the check itself", () => {
    it("sees what nats 2.29 lets through when it is used directly, and the wildcards that both do", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const old = closeLater(await connectOld({ servers: tee.url }));
      old.publish("acme.agent.a 0\r\n\r\nSUB > 99\r\nPUB acme.b", bytes(""));
      const young = closeLater(await connectNew({ servers: tee.url }));
      young.subscribe("acme.>");
      young.publish("$JS.API.INFO");
      await Promise.all([old.flush(), young.flush()]);
      expect(foreign(tee.commands())).toEqual(expect.arrayContaining(["SUB > 99", "SUB acme.> 1", "PUB $JS.API.INFO 0"]));
    });
  });
});
