import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { describe, expect, it } from "vitest";
import { openLmdbStore } from "../src/index.js";
import { bytes, place, text } from "./place.js";

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("opening", () => {
  it("TM-206 makes the directory and its files for this user alone, and leaves nothing of itself behind in it", async () => {
    const path = join(place(), "deep", "store");
    const store = await openLmdbStore({ path });
    expect(modeOf(path)).toBe(0o700);
    for (const name of readdirSync(path).filter((name) => name.endsWith(".mdb"))) expect(modeOf(join(path, name))).toBe(0o600);
    await store.close();
    expect(readdirSync(path).sort()).toEqual(["data.mdb", "lock.mdb"]);
  });

  it("TM-206 refuses what others may enter, and what is no directory", async () => {
    const path = place();
    chmodSync(path, 0o750);
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("chmod 700") });
    chmodSync(path, 0o700);
    await (await openLmdbStore({ path })).close();
    chmodSync(join(path, "data.mdb"), 0o644);
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("chmod 600") });
    const file = join(place(), "file");
    writeFileSync(file, "");
    await expect(openLmdbStore({ path: file })).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("no directory") });
    await expect(openLmdbStore({ path: join(file, "below") })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("below a file"),
    });
    for (const bad of ["", "a\0b", undefined as unknown as string])
      await expect(openLmdbStore({ path: bad })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("says what is wrong with its options", async () => {
    const open = openLmdbStore as (options?: unknown) => Promise<unknown>;
    for (const [options, sentence] of [
      [undefined, "takes an object"],
      [{ path: place(), mapSize: 1 }, "no option 'mapSize'. Its options are path, lockTimeout, check, runtime"],
      [{ path: place(), lockTimeout: "5s" }, "`lockTimeout` is in ms"],
      [{ path: place(), check: "no" }, "`check` is true or false"],
    ] as const)
      await expect(open(options)).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining(sentence) });
  });

  // Making a directory here by `recursive` never returns on Node 20.
  it.runIf(existsSync("/proc/self"))("is refused where the system makes no directory", async () => {
    await expect(openLmdbStore({ path: "/proc/tightbeam-store" })).rejects.toMatchObject({ code: "store_read_only" });
  });

  it("finds what was flushed", async () => {
    const path = place();
    const store = await openLmdbStore({ path });
    await store.batch([{ put: "k", value: bytes("v") }]);
    await store.close();
    const again = await openLmdbStore({ path });
    expect(text(await again.get("k"))).toBe("v");
    await again.close();
  });
});

describe("one writer", () => {
  it("another opening is refused, and succeeds once the first has closed", async () => {
    const path = place();
    const first = await openLmdbStore({ path });
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_locked", retryable: true });
    await first.batch([{ put: "k", value: bytes("still mine") }]);
    await first.close();
    await (await openLmdbStore({ path })).close();
  });

  it("with lockTimeout another opening waits for the first to close", async () => {
    const path = place();
    const runtime = createVirtualRuntime({ seed: 1 });
    const first = await openLmdbStore({ path });
    const second = openLmdbStore({ path, lockTimeout: 1_000, runtime });
    const third = openLmdbStore({ path, lockTimeout: 300, runtime }).catch((error: unknown) => error);
    await runtime.advance(500);
    expect(await third).toMatchObject({ code: "store_locked" });
    await first.close();
    for (let i = 0; i < 10; i++) await runtime.advance(100);
    await (await second).close();
  });

  it("works where the path is too long for a socket", async () => {
    const path = join(place(), "x".repeat(120));
    const first = await openLmdbStore({ path });
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_locked" });
    expect(readdirSync(path).filter((name) => name.endsWith(".sock"))).toEqual([]);
    await first.close();
    await (await openLmdbStore({ path })).close();
  });

  it("one of two that open at once gets it", async () => {
    const path = place();
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => openLmdbStore({ path })));
    const opened = results.filter((result) => result.status === "fulfilled");
    expect(opened.length).toBe(1);
    for (const result of results) if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "store_locked" });
    await opened[0]?.value.close();
    expect(existsSync(path)).toBe(true);
    mkdirSync(join(path, "not-ours"));
    await (await openLmdbStore({ path })).close();
  });
});
