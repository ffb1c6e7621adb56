import { randomBytes } from "node:crypto";
import { createAgent } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import { createMemoryStore } from "@tightbeam/core/store";
import { expect, it } from "vitest";
import { connectNats } from "../../src/index.js";
import { withNatsServer } from "../broker.js";
import { closeLater, until } from "../fixture.js";
import { jetStreamBroker } from "./fixture.js";
import { startProcess } from "./processes.js";

const messages = 400;

withNatsServer("an agent whose store is in JetStream", () => {
  it("is killed on one machine and goes on on another: every message is handled, and none of those that were done again", { timeout: 60_000 }, async () => {
    const broker = await jetStreamBroker();
    const secret = randomBytes(32);
    const machine = async () => {
      const said: string[] = [];
      const { kill } = await startProcess("receiver", [broker.url, "600"], (line) => void said.push(line), { TAKEOVER_SECRET: secret.toString("base64url") });
      return closeLater({ said, numbers: () => said.map(Number).filter(Number.isInteger), close: kill });
    };
    const transport = await connectNats({ servers: broker.url });
    const identity = await identityFromSecret({ id: "bob", secret });
    const bob = closeLater(await createAgent({ identity, trust: trust.everyoneWithSecret(secret), transport, store: createMemoryStore() }));

    const first = await machine();
    await until(() => first.said.includes("open"), "the first machine has the store", 20_000);
    const second = await machine();
    const done = new Set<number>();
    const sent: Promise<void>[] = [];
    for (let number = 0; number < messages; number++) {
      sent.push(bob.notify("alice", "count", number, { durable: true, confirm: "done", timeout: 50_000 }).then(() => void done.add(number)));
      if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (number === 200) await until(() => done.size > 50, "the first machine has handled some", 20_000);
      if (number === 250) await first.close();
    }
    const before = new Set(done);
    expect(second.said).not.toContain("open");
    await Promise.all(sent);
    expect(second.said).toContain("open");
    const [handled, again] = [first.numbers(), second.numbers()];
    expect(new Set([...handled, ...again]).size).toBe(messages);
    expect(again.filter((number) => before.has(number))).toEqual([]);
    // In their order, on each.
    expect(again).toEqual(again.toSorted((a, b) => a - b));
  });
});
