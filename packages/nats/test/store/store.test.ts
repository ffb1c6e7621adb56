import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openNatsStore } from "../../src/store/index.js";
import { type Broker, withNatsServer } from "../broker.js";
import { bytes, codeOf, errorOf, text } from "../fixture.js";
import { client, contents, generations, openStore } from "./fixture.js";
import { startJetStream } from "./server.js";

let broker: Broker;
withNatsServer("a store in JetStream", () => {
  beforeAll(async () => {
    broker = await startJetStream();
  });
  afterAll(() => broker.close());

  describe.each(generations)("over a connection of the clients' generation %s", (generation) => {
    const name = `contract-${generation.replace(".", "_")}`;

    it("keeps entries in the order of their keys, takes batches whole, and has them when it is opened again", async () => {
      const connection = await client(broker, {}, generation);
      const store = await openStore(connection, { name });
      expect(store.capabilities).toEqual({ durability: "process", maxValueBytes: 1024 * 1024 - 512 });
      await store.batch([
        { put: "a/b", value: bytes("1") },
        { put: "a", value: bytes("2") },
        { put: "b//", value: bytes("3") },
        { put: "a-", value: new Uint8Array(0) },
        { put: "gone", value: bytes("x") },
        { remove: "gone" },
      ]);
      const all = { a: "2", "a-": "", "a/b": "1", "b//": "3" };
      expect(Object.entries(await contents(store))).toEqual(Object.entries(all));
      expect(await contents(store, "a/")).toEqual({ "a/b": "1" });
      const keys: string[] = [];
      for await (const [key] of store.scan("a", { after: "a/b", reverse: true, limit: 1 })) keys.push(key);
      expect(keys).toEqual(["a-"]);
      await store.close();

      const again = await openStore(connection, { name });
      expect(Object.entries(await contents(again))).toEqual(Object.entries(all));
      expect(text((await again.get("b//")) ?? new Uint8Array(0))).toBe("3");
      expect(await again.get("gone")).toBeUndefined();
      expect(await again.get("never")).toBeUndefined();
    });
  });

  it("TM-184: takes values and batches larger than a message, and refuses what is larger than it says", async () => {
    const store = await openStore(await client(broker), { name: "large" });
    const { maxValueBytes } = store.capabilities;
    const value = new Uint8Array(maxValueBytes).fill(7);
    await store.batch([1, 2, 3].map((each) => ({ put: `v/${each}`, value })));
    expect(
      await codeOf(
        store.batch([
          { put: "w", value: bytes("w") },
          { put: "v/4", value: new Uint8Array(maxValueBytes + 1) },
        ]),
      ),
    ).toBe("too_large");
    expect(await codeOf(store.batch(Array.from({ length: 17 }, (_, i) => ({ put: `u/${i}`, value }))))).toBe("too_large");
    await store.close();
    const again = await openStore(await client(broker), { name: "large" });
    expect(Object.keys(await contents(again))).toEqual(["v/1", "v/2", "v/3"]);
    expect(Buffer.compare((await again.get("v/2")) as Uint8Array, value)).toBe(0);
  });

  it("gives each caller bytes of its own, and copies what it is given before batch returns", async () => {
    const store = await openStore(await client(broker), { name: "bytes" });
    const given = bytes("given");
    const done = store.batch([{ put: "k", value: given }]);
    given.fill(0);
    await done;
    (await store.get("k"))?.fill(0);
    expect(text((await store.get("k")) as Uint8Array)).toBe("given");
  });

  it.each(["", "a b", "a.b", "ä", "x".repeat(257), "a\r\nPUB x 0", ">", "*", 7, undefined])("takes no key %j", async (key) => {
    const store = await openStore(await client(broker), { name: "keys" });
    expect(await codeOf(store.batch([{ put: key as string, value: bytes("x") }]))).toBe("invalid_argument");
    expect(await codeOf(store.batch([{ remove: key as string }]))).toBe("invalid_argument");
    await store.close();
  });

  it("takes the longest and the strangest keys there are", async () => {
    const connection = await client(broker);
    const store = await openStore(connection, { name: "odd-keys" });
    const keys = ["/".repeat(256), "x".repeat(256), "__proto__", "constructor", "-", "_", "/a", "a/", "a//a"].sort();
    await store.batch(keys.map((put) => ({ put, value: bytes(put) })));
    await store.close();
    const again = await openStore(connection, { name: "odd-keys" });
    const found: [string, string][] = [];
    for await (const [key, value] of again.scan("")) found.push([key, text(value)]);
    expect(found).toEqual(keys.map((key) => [key, key]));
  });

  it.each([
    [{ name: "a.b" }],
    [{ name: "" }],
    [{ connection: {} }],
    [{ connection: undefined }],
    [{ lease: 199 }],
    [{ lease: 600_001 }],
    [{ timeout: 0.5 }],
    [{ maxEntries: 0 }],
    [{ replicas: 2 }],
    [{ storage: "tape" }],
    [{ maxBytes: 1024 }],
    [{ replica: 3 }],
    [{ create: false, name: "not-there" }],
  ])("refuses the option %j", async (options) => {
    const connection = await client(broker);
    expect(await codeOf(openNatsStore({ connection, name: "options", ...options } as never))).toBe("invalid_argument");
  });

  it("refuses a connection that is closed, and says closed after close, which settles every time", async () => {
    const connection = await client(broker);
    const store = await openStore(connection, { name: "closing" });
    const last = store.batch([{ put: "last", value: bytes("1") }]);
    await Promise.all([store.close(), store.close(), last]);
    await store.close();
    expect(await codeOf(store.get("last"))).toBe("closed");
    expect(await codeOf(store.batch([]))).toBe("closed");
    expect(await codeOf(contents(store))).toBe("closed");
    expect(await contents(await openStore(connection, { name: "closing" }))).toEqual({ last: "1" });
    const gone = await client(broker);
    await gone.close();
    expect(await codeOf(openNatsStore({ connection: gone, name: "closing" }))).toBe("invalid_argument");
  });

  it("TM-184: takes no more entries than maxEntries, whose others can be changed and removed", async () => {
    const store = await openStore(await client(broker), { name: "entries", maxEntries: 2 });
    await store.batch([
      { put: "a", value: bytes("1") },
      { put: "b", value: bytes("1") },
    ]);
    expect(
      (
        await errorOf(
          store.batch([
            { put: "a", value: bytes("2") },
            { put: "c", value: bytes("1") },
          ]),
        )
      ).message,
    ).toContain("maxEntries");
    await store.batch([{ put: "a", value: bytes("3") }]);
    await store.batch([{ remove: "b" }]);
    await store.batch([{ put: "c", value: bytes("1") }]);
    expect(await contents(store)).toEqual({ a: "3", c: "1" });
  });

  it("says of a bucket that has copies on three servers that it survives one, and of one with flushes that it survives a power cut", async () => {
    const { durabilityOf } = await import("../../src/store/bucket.js");
    const config = { name: "n", subjects: [], max_bytes: -1 };
    expect(durabilityOf({ ...config, storage: "file", num_replicas: 1 }, false)).toBe("process");
    expect(durabilityOf({ ...config, storage: "file", num_replicas: 1 }, true)).toBe("disk");
    expect(durabilityOf({ ...config, storage: "file", num_replicas: 3 }, false)).toBe("replicated");
    expect(durabilityOf({ ...config, storage: "memory", num_replicas: 3 }, true)).toBe("memory");
  });
});
