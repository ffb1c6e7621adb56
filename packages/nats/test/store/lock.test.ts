import type { Store } from "@tightbeam/core/store";
import type { TightbeamError } from "@tightbeam/core/transport";
import { expect, it } from "vitest";
import { type JetStreamConnection, openNatsStore } from "../../src/store/index.js";
import { type Broker, withNatsServer } from "../broker.js";
import { bytes, closeLater, codeOf, errorOf, until } from "../fixture.js";
import { faulty } from "./faulty.js";
import { client, contents, jetStreamBroker, openStore } from "./fixture.js";
import { type OtherProcess, startProcess } from "./processes.js";

/** Another process that has the store. It writes `count/a` and `count/b` in one batch, again and again, and says what became of it. */
async function holder(broker: Broker, name: string, lease: number): Promise<{ readonly process: OtherProcess; readonly said: string[] }> {
  const said: string[] = [];
  const other = await startProcess("holder", [broker.url, name, String(lease)], (line) => void said.push(line));
  closeLater({ close: () => other.kill() });
  await until(() => said.length > 2, "the other process writes", 20_000);
  return { process: other, said };
}

/** As whoever stands by does it: what a process wrote just before it was stopped may still arrive. */
async function takeOver(connection: JetStreamConnection, lease: number): Promise<Store> {
  for (let tries = 0; ; tries++) {
    try {
      return await openStore(connection, { lease });
    } catch (error) {
      if ((error as TightbeamError).code !== "store_locked" || tries > 20) throw error;
    }
  }
}

withNatsServer("the lock of a store in JetStream", () => {
  it("TM-180: keeps a second opener out while the holder lives, and lets it in at once when the store is closed", async () => {
    const broker = await jetStreamBroker();
    const first = await openStore(await client(broker), { lease: 600 });
    const connection = await client(broker, {}, "2.29");
    const [one, two] = await Promise.all([
      errorOf(openNatsStore({ connection, name: "test" })),
      errorOf(openNatsStore({ connection, name: "test", lease: 200 })),
    ]);
    expect([one.code, one.retryable, two.code]).toEqual(["store_locked", true, "store_locked"]);
    await first.batch([{ put: "k", value: bytes("1") }]);
    await first.close();
    const second = await openStore(connection);
    expect(await contents(second)).toEqual({ k: "1" });
  });

  it("goes to one of many who want it at once", async () => {
    const broker = await jetStreamBroker();
    const connections = await Promise.all(Array.from({ length: 5 }, () => client(broker)));
    const results = await Promise.allSettled(connections.map((connection) => openStore(connection, { lease: 600 })));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const each of results) if (each.status === "rejected") expect(each.reason).toMatchObject({ code: "store_locked" });
  });

  it("is free once a holder that died has been silent for its own lease, not for the opener's", async () => {
    const broker = await jetStreamBroker();
    let alive = true;
    const connection = await client(broker);
    const dead = await openNatsStore({ connection: faulty(connection, () => (alive ? "ok" : "killed")), name: "test", lease: 700 });
    await dead.batch([{ put: "k", value: bytes("1") }]);
    alive = false;
    const start = performance.now();
    const heir = await openStore(await client(broker), { lease: 200 });
    expect(performance.now() - start).toBeGreaterThan(690);
    expect(await contents(heir)).toEqual({ k: "1" });
  });

  it("lives on while it writes nothing, for many leases", async () => {
    const broker = await jetStreamBroker();
    const store = await openStore(await client(broker), { lease: 200 });
    const connection = await client(broker);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await store.batch([{ put: "k", value: bytes("1") }]);
    expect(await codeOf(openNatsStore({ connection, name: "test", lease: 200 }))).toBe("store_locked");
  });

  it("TM-180: of a process that was stopped for longer than its lease goes to the next, and when it comes back it can write and read nothing", {
    timeout: 60_000,
  }, async () => {
    const broker = await jetStreamBroker();
    const { process: child, said } = await holder(broker, "test", 800);
    const connection = await client(broker);
    expect(await codeOf(openNatsStore({ connection, name: "test" }))).toBe("store_locked");
    child.signal("SIGSTOP");
    const heir = await takeOver(connection, 800);
    const found = await contents(heir);
    expect(found["count/a"]).toBe(found["count/b"]);
    // Everything it was told is there.
    expect(Number(found["count/a"])).toBeGreaterThanOrEqual(Math.max(...said.map(Number)));
    await heir.batch([
      { put: "count/a", value: bytes("heir") },
      { put: "heir", value: bytes("1") },
    ]);
    child.signal("SIGCONT");
    await until(() => said.at(-1)?.startsWith("over") === true, "the other process hears that it lost the store", 20_000);
    expect(said.at(-1)).toBe("over store_failed store_failed store_failed");
    expect(await contents(heir)).toEqual({ ...found, "count/a": "heir", heir: "1" });
    await heir.batch([{ put: "still", value: bytes("mine") }]);
  });

  it("of a process that was killed goes to the next, with every batch whole", { timeout: 60_000 }, async () => {
    const broker = await jetStreamBroker();
    const { process: child, said } = await holder(broker, "test", 300);
    await child.kill();
    const heir = await takeOver(await client(broker), 300);
    const found = await contents(heir);
    expect(found["count/a"]).toBe(found["count/b"]);
    expect(Number(found["count/a"])).toBeGreaterThanOrEqual(Math.max(...said.map(Number)));
  });
});
