import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { type JetStreamConnection, openNatsStore } from "../../src/store/index.js";
import { openWith } from "../../src/store/open.js";
import { startBroker, withNatsServer } from "../broker.js";
import { bytes, closeLater, codeOf, errorOf, until } from "../fixture.js";
import { faulty } from "./faulty.js";
import { client, contents, generations, jetStreamBroker, openStore } from "./fixture.js";

const text = new TextDecoder();
/** A request to JetStream, past the store. */
const api = async (connection: JetStreamConnection, name: string, body: object = {}): Promise<Record<string, object>> =>
  JSON.parse(text.decode((await connection.request(`$JS.API.${name}`, bytes(JSON.stringify(body)), { timeout: 2_000 })).data)) as Record<string, object>;
const put = (key: string, value = "1") => [{ put: key, value: bytes(value) }];

withNatsServer("a store in JetStream and its server", () => {
  it.each(generations)(
    "keeps what it confirmed when the server is killed at any moment; batches wait and go on (client %s)",
    { timeout: 60_000 },
    async (generation) => {
      const broker = await jetStreamBroker();
      const store = await openStore(await client(broker, {}, generation));
      const settled: number[] = [];
      const all: Promise<unknown>[] = [];
      for (let i = 0; i < 300; i++) {
        all.push(store.batch(put(`k/${String(i).padStart(3, "0")}`, String(i))).then(() => settled.push(i)));
        await new Promise((resolve) => setImmediate(resolve));
        if (i % 120 === 60) {
          await until(() => settled.length > 0, "a batch settles");
          await broker.kill();
          await broker.start();
        }
      }
      await Promise.all(all);
      expect(settled).toEqual(Array.from({ length: 300 }, (_, i) => i));
      await store.close();
      await broker.kill();
      await broker.start();
      const again = await openStore(await client(broker, {}, generation));
      expect(Object.values(await contents(again))).toEqual(Array.from({ length: 300 }, (_, i) => String(i)));
    },
  );

  it("TM-184: takes 16 MiB while the server is away, then says unavailable, and has all it took when it is back", async () => {
    const broker = await jetStreamBroker();
    const store = await openStore(await client(broker), { timeout: 10_000 });
    await store.batch(put("first"));
    await broker.kill();
    const value = new Uint8Array(1_000_000);
    const taken = Array.from({ length: 16 }, (_, i) => store.batch([{ put: `large/${i}`, value }]));
    const error = await errorOf(store.batch([{ put: "too-much", value }]));
    expect([error.code, error.retryable]).toEqual(["unavailable", true]);
    await broker.start();
    await Promise.all(taken);
    await store.batch(put("last"));
    expect(Object.keys(await contents(store))).toEqual(["first", "last", ...Array.from({ length: 16 }, (_, i) => `large/${i}`).sort()].sort());
  });

  it("does not wait for ever to read or to close while the server is away", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    // A checkpoint after every batch: the value is on the server and not in memory.
    const limits = { soft: { bytes: 1, records: 1 }, most: { bytes: 1_000_000, records: 100 } };
    const store = closeLater(await openWith({ connection, name: "test", timeout: 300 }, limits));
    await store.batch(put("k"));
    const logged = async () =>
      Object.keys((await api(connection, "STREAM.INFO.KV_test", { subjects_filter: "$KV.test.log.>" })).state ?? {}).includes("subjects");
    while (await logged()) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await contents(store)).toEqual({ k: "1" });
    await broker.kill();
    expect(await codeOf(store.get("k"))).toBe("unavailable");
    expect(await codeOf(contents(store))).toBe("unavailable");
    const writing = codeOf(store.batch(put("late")));
    await store.close();
    expect(await writing).toBe("closed");
  });

  it("says that memory storage survives nothing, and store_damaged when the server lost it", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    const store = await openStore(connection, { storage: "memory", lease: 200 });
    expect(store.capabilities.durability).toBe("memory");
    await store.batch(put("k"));
    await broker.kill();
    await broker.start();
    const error = await errorOf(store.batch(put("l")));
    expect([error.code, error.message]).toEqual(["store_damaged", expect.stringContaining("bucket is gone")]);
    expect(await codeOf(store.get("k"))).toBe("store_damaged");
    await store.close();
    expect(await contents(await openStore(connection, { storage: "memory" }))).toEqual({});
  });

  it("TM-182: says store_damaged when the bucket is deleted, emptied, or put back to an earlier time under it", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    for (const harm of [
      () => api(connection, "STREAM.DELETE.KV_test"),
      async () => {
        const { config } = await api(connection, "STREAM.INFO.KV_test");
        await api(connection, "STREAM.DELETE.KV_test");
        await api(connection, "STREAM.CREATE.KV_test", config ?? {});
      },
    ]) {
      const store = await openStore(connection);
      await store.batch(put("k"));
      await harm();
      expect(await codeOf(store.batch(put("l")))).toBe("store_damaged");
      await store.close();
      await api(connection, "STREAM.DELETE.KV_test");
    }
    const store = await openStore(connection);
    await store.close();
    await api(connection, "STREAM.PURGE.KV_test");
    expect(await codeOf(openNatsStore({ connection, name: "test" }))).toBe("store_damaged");
  });

  it("says unsupported where there is no JetStream, for the server or for the account", async () => {
    const none = closeLater(await startBroker());
    const error = await errorOf(openNatsStore({ connection: await client(none), name: "test" }));
    expect([error.code, error.message]).toEqual(["unsupported", expect.stringContaining("-js")]);
    expect(await codeOf(openNatsStore({ connection: await client(none, {}, "2.29"), name: "test" }))).toBe("unsupported");
    const other = await jetStreamBroker("accounts { A { jetstream: enabled, users: [{ user: a, password: a }] }, B { users: [{ user: b, password: b }] } }");
    expect(await codeOf(openNatsStore({ connection: await client(other, { user: "b", pass: "b" }), name: "test" }))).toBe("unsupported");
    await openStore(await client(other, { user: "a", pass: "a" }));
  });

  it("refuses a server whose messages are too small, and goes on with smaller values when the next server's are", async () => {
    const broker = await jetStreamBroker("max_payload: 200000");
    const refusal = await errorOf(openNatsStore({ connection: await client(broker), name: "test" }));
    expect([refusal.code, refusal.message]).toEqual(["unsupported", expect.stringContaining("max_payload")]);
    const other = await jetStreamBroker("max_payload: 800000");
    const connection = await client(other);
    const store = await openStore(connection);
    expect(store.capabilities.maxValueBytes).toBe(800_000 - 512);
    await store.batch([{ put: "large", value: new Uint8Array(700_000) }]);
    await other.kill();
    await other.start(other.config("max_payload: 300000"));
    await store.batch([{ put: "small", value: new Uint8Array(200_000) }]);
    expect(await codeOf(store.batch([{ put: "larger", value: new Uint8Array(400_000) }]))).toBe("too_large");
    expect(Object.keys(await contents(store))).toEqual(["large", "small"]);
  });

  it("says store_full when the bucket is, has nothing of that batch, and has room again once entries are removed", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    const store = await openStore(connection, { maxBytes: 4 * 1024 * 1024 });
    const value = new Uint8Array(50_000);
    let count = 0;
    let code = "";
    for (; code === "" && count < 200; count++)
      code = await store
        .batch([
          { put: `k/${count}`, value },
          { put: "count", value: bytes(String(count)) },
        ])
        .then(
          () => "",
          (error: { code: string }) => error.code,
        );
    expect(code).toBe("store_full");
    expect(count).toBeGreaterThan(10);
    expect(await store.get(`k/${count - 1}`)).toBeUndefined();
    expect(text.decode(await store.get("count"))).toBe(String(count - 2));
    for (let i = 0; i < count - 1; i++) await store.batch([{ remove: `k/${i}` }]);
    for (let tries = 0; ; tries++) {
      const done = await store.batch([{ put: "again", value }]).then(
        () => true,
        () => false,
      );
      if (done) break;
      expect(tries).toBeLessThan(200);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await store.close();
    expect(Object.keys(await contents(await openStore(connection)))).toEqual(["again", "count"]);
  });

  it("says store_full when the account is", async () => {
    const broker = await jetStreamBroker("accounts { A { jetstream: { max_file: 600K }, users: [{ user: a, password: a }] } }");
    const connection = await client(broker, { user: "a", pass: "a" });
    const store = await openStore(connection);
    const codes: unknown[] = [];
    for (let i = 0; i < 20; i++)
      codes.push(await store.batch([{ put: `k/${i}`, value: new Uint8Array(50_000) }]).catch((error: { code: string }) => error.code));
    const there = codes.filter((code) => code === undefined).length;
    expect(codes.slice(there)).toEqual(codes.slice(there).map(() => "store_full"));
    expect(there).toBeLessThan(20);
    expect(Object.keys(await contents(store))).toHaveLength(there);
    await store.close();
    expect(Object.keys(await contents(await openStore(connection)))).toHaveLength(there);
  });

  it("opens again with the next consumer when the server lost one on the way", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    const store = await openStore(connection);
    for (let i = 0; i < 40; i++) await store.batch(put(`k/${String(i).padStart(2, "0")}`));
    await store.close();
    let deleted = 0;
    const losing: JetStreamConnection = {
      ...faulty(connection, () => "ok"),
      async requestMany(subject, payload, options) {
        const consumer = subject.split(".").at(-1);
        if (++deleted === 2) await api(connection, `CONSUMER.DELETE.KV_test.${consumer}`);
        return connection.requestMany(subject, payload, { ...options, maxWait: 200 });
      },
    };
    const again = await openStore(losing);
    expect(Object.keys(await contents(again))).toHaveLength(40);
    expect(deleted).toBeGreaterThan(2);
  });

  it.each([
    ["would forget by itself", { max_age: 60_000_000_000 }],
    ["keeps more than the last value", { max_msgs_per_subject: 5 }],
    ["drops its oldest when it is full", { discard: "old" }],
    ["keeps what is deleted", { deny_delete: true }],
  ])("refuses a bucket that %s", async (_, config) => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    await (await openStore(connection)).close();
    const { config: own } = await api(connection, "STREAM.INFO.KV_test");
    await api(connection, "STREAM.DELETE.KV_test");
    await api(connection, "STREAM.CREATE.KV_test", { ...own, ...config });
    const error = await errorOf(openNatsStore({ connection, name: "test" }));
    expect([error.code, error.message]).toEqual(["unsupported", expect.stringContaining(Object.keys(config)[0] as string)]);
  });

  it("TM-182: says store_damaged of somebody else's bucket, of a strange entry, and of a log that misses a record", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    const store = await openStore(connection);
    for (let i = 0; i < 3; i++) await store.batch(put(`k/${i}`));
    await store.close();
    await connection.request("$KV.test.data.b=d", bytes("x"), { timeout: 1_000 });
    expect(await codeOf(openNatsStore({ connection, name: "test" }))).toBe("store_damaged");
    await api(connection, "STREAM.PURGE.KV_test", { filter: "$KV.test.data.b=d" });
    await (await openStore(connection)).close();
    await api(connection, "STREAM.PURGE.KV_test", { filter: "$KV.test.log.000000000002" });
    const error = await errorOf(openNatsStore({ connection, name: "test" }));
    expect([error.code, error.message]).toEqual(["store_damaged", expect.stringContaining("record of its log is missing")]);
    await api(connection, "STREAM.PURGE.KV_test", { filter: "$KV.test.lock" });
    await connection.request("$KV.test.mine", bytes("x"), { timeout: 1_000 });
    expect((await errorOf(openNatsStore({ connection, name: "test" }))).message).toContain("no store of Tightbeam");
  });

  it("says store_too_new of a lock of a later format, and store_damaged of one that is none", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    await (await openStore(connection)).close();
    for (const [lock, code] of [
      ['{"format":2}', "store_too_new"],
      ["{", "store_damaged"],
      ["null", "store_damaged"],
      ['{"format":1,"held":true,"lease":1e12,"floor":0}', "store_damaged"],
      ['{"format":1,"held":"yes","lease":1000,"floor":0}', "store_damaged"],
      ['{"format":1,"held":false,"lease":1000,"floor":-1}', "store_damaged"],
    ] as const) {
      await connection.request("$KV.test.lock", bytes(lock), { timeout: 1_000 });
      expect(await codeOf(openNatsStore({ connection, name: "test" })), lock).toBe(code);
    }
  });

  it("has failed for good when its connection is closed under it", async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    const store = await openStore(connection);
    await store.batch(put("k"));
    await connection.close();
    expect(await codeOf(store.batch(put("l")))).toBe("store_failed");
    expect(await codeOf(store.batch(put("m")))).toBe("store_failed");
    await store.close();
  });
});

const documented =
  /<!-- config: store -->\n```\n([\s\S]*?)```/.exec(readFileSync(fileURLToPath(new URL("../../../../docs/nats.md", import.meta.url)), "utf8"))?.[1] ?? "";

withNatsServer("the permissions of a store in JetStream", () => {
  it("TM-183: are enough as documented, and are those of one bucket", async () => {
    const broker = await jetStreamBroker(documented);
    const alice = await client(broker, { user: "alice", pass: "alices-secret", inboxPrefix: "_INBOX_alice" });
    const store = await openStore(alice, { name: "alice" });
    for (let i = 0; i < 3; i++) await store.batch([{ put: `k/${i}`, value: new Uint8Array(1_000_000) }, { remove: "k/0" }]);
    await store.close();
    expect(Object.keys(await contents(await openStore(alice, { name: "alice" })))).toEqual(["k/1", "k/2"]);
    expect(await codeOf(openNatsStore({ connection: alice, name: "bob", timeout: 1_000 }))).toBe("denied");
    const bob = await client(broker, { user: "bob", pass: "bobs-secret", inboxPrefix: "_INBOX_bob" });
    expect(await codeOf(openNatsStore({ connection: bob, name: "alice", timeout: 1_000 }))).toBe("denied");
  });

  it("are named by the error when one is missing, whichever it is", async () => {
    const allowed = (publish: string, subscribe = '"_INBOX.>"'): string =>
      `authorization { users = [{ user: u, password: p, permissions: { publish: [${publish}], subscribe: [${subscribe}] } }] }`;
    const everything = '"$JS.API.>", "$KV.test.>"';
    const broker = await jetStreamBroker(allowed(everything));
    const login = { user: "u", pass: "p" };
    await (await openStore(await client(broker, login))).close();
    for (const generation of generations) {
      for (const [publish, subscribe, code] of [
        ['"$KV.test.>"', undefined, "denied"],
        ['"$JS.API.>"', undefined, "store_read_only"],
        [everything, '"nothing"', "denied"],
        ['"$JS.API.STREAM.>", "$KV.test.>"', undefined, "denied"],
      ] as const) {
        await broker.kill();
        await broker.start(broker.config(allowed(publish, subscribe)));
        expect(
          await codeOf(openNatsStore({ connection: await client(broker, login, generation), name: "test", timeout: 1_000 })),
          `${publish} ${generation}`,
        ).toBe(code);
      }
    }
  });

  it("that are taken away while it is open are told to who writes, and what is given back goes on; a user that is taken away ends the store", async () => {
    const users = (publish: string): string =>
      `authorization { users = [{ user: u, password: p, permissions: { publish: [${publish}], subscribe: ["_INBOX.>"] } }, { user: v, password: p }] }`;
    const broker = await jetStreamBroker(users('"$JS.API.>", "$KV.test.>"'));
    const connection = await client(broker, { user: "u", pass: "p" });
    const store = await openStore(connection);
    await store.batch(put("before"));
    broker.reload(broker.config(users('"$JS.API.>"')));
    let code = "";
    for (let i = 0; code === "" && i < 500; i++) {
      code = await store.batch(put("meanwhile", String(i))).then(
        () => "",
        (error: { code: string }) => error.code,
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(code).toBe("store_read_only");
    broker.reload(broker.config(users('"$JS.API.>", "$KV.test.>"')));
    for (let i = 0; code !== "done" && i < 500; i++) {
      code = await store.batch(put("after")).then(
        () => "done",
        (error: { code: string }) => error.code,
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(Object.keys(await contents(store))).toContain("after");
    broker.reload(broker.config("authorization { users = [{ user: v, password: p }] }"));
    for (let i = 0; !connection.isClosed() && i < 1_000; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await codeOf(store.batch(put("never")))).toBe("store_failed");
  });
});
