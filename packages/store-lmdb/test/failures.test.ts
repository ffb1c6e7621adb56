import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openLmdbStore } from "../src/index.js";
import { breakFlush, program } from "./env.js";
import { bytes, place, text } from "./place.js";

let mounted: string[] = [];
afterEach(() => {
  for (const path of mounted) spawnSync("umount", [path]);
  mounted = [];
});

/** A disk of so many bytes; undefined where this process may not mount one. */
function smallDisk(size: string, ...options: readonly string[]): string | undefined {
  const path = place();
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", [`size=${size}`, "mode=0700", ...options].join(","), "tmpfs", path]);
  if (status !== 0) return undefined;
  mounted.push(path);
  return path;
}

// LMDB says on the console what it also says to us.
const quiet = () => vi.spyOn(console, "error").mockImplementation(() => undefined);

describe("a full disk (G-94)", () => {
  it("gives store_full, loses nothing, and goes on when there is room again", async (context) => {
    const disk = smallDisk("1500k");
    if (disk === undefined) return context.skip("this process may not mount a small disk");
    quiet();
    const path = join(disk, "store");
    const store = await openLmdbStore({ path });
    writeFileSync(join(disk, "ballast"), Buffer.alloc(400_000));
    let written = 0;
    let code: string | undefined;
    while (code === undefined && written < 1_000) {
      await store.batch([{ put: `k/${written}`, value: new Uint8Array(10_000).fill(written) }]).then(
        () => written++,
        (error: { code: string }) => {
          code = error.code;
        },
      );
    }
    expect(code).toBe("store_full");
    const refused = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => store.batch([{ put: `r/${i}`, value: new Uint8Array(50_000) }])));
    for (const result of refused) expect(result).toMatchObject({ status: "rejected", reason: { code: "store_full", retryable: true } });
    expect(await store.get(`k/${written - 1}`)).toHaveLength(10_000);
    expect(await store.get(`k/${written}`)).toBeUndefined();
    rmSync(join(disk, "ballast"));
    await store.batch([{ put: "after", value: bytes("room") }]);
    await store.close();
    const again = await openLmdbStore({ path });
    let found = 0;
    for await (const [, value] of again.scan("k/")) found += Number(value.length === 10_000);
    expect([found, text(await again.get("after"))]).toEqual([written, "room"]);
    for await (const [key] of again.scan("r/")) expect(key).toBe("nothing of what was refused");
    await again.close();
  });

  it("that is full from the start gives store_full too", async (context) => {
    const disk = smallDisk("64k");
    if (disk === undefined) return context.skip("this process may not mount a small disk");
    quiet();
    writeFileSync(join(disk, "ballast"), Buffer.alloc(60_000));
    await expect(openLmdbStore({ path: join(disk, "store") })).rejects.toMatchObject({ code: "store_full" });
  });

  it("or a limit on the size of files gives it as well", async () => {
    const path = join(place(), "store");
    const { stdout, stderr } = spawnSync("bash", ["-c", `trap '' XFSZ; ulimit -f 600; exec "$0" "$@"`, process.execPath, await program("filler"), path], {
      encoding: "utf8",
    });
    const said = stdout.trim().split("\n").at(-1) ?? "";
    expect(said, stderr).toMatch(/^\d+ store_full$/);
    const store = await openLmdbStore({ path });
    let found = 0;
    for await (const [, value] of store.scan("k/")) found += Number(value.length === 10_000);
    expect(found).toBe(Number(said.split(" ")[0]));
    await store.close();
  });
});

describe("what cannot be written (G-94)", () => {
  it("a read-only mount is store_read_only", async (context) => {
    const disk = smallDisk("8m");
    if (disk === undefined) return context.skip("this process may not mount a disk");
    const path = join(disk, "store");
    const store = await openLmdbStore({ path });
    await store.batch([{ put: "k", value: bytes("v") }]);
    await store.close();
    spawnSync("mount", ["-o", "remount,ro", disk]);
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_read_only" });
    await expect(openLmdbStore({ path: join(disk, "new") })).rejects.toMatchObject({ code: "store_read_only" });
    spawnSync("mount", ["-o", "remount,rw", disk]);
    const again = await openLmdbStore({ path });
    expect(text(await again.get("k"))).toBe("v");
    await again.close();
  });

  it.each([
    ["a directory", 0o500],
    ["a directory that its owner may not enter", 0o000],
  ])("%s without the right to write, is store_read_only, and is left as it was", async (_, mode) => {
    const top = place();
    // For whoever the other process becomes where this one may write everywhere.
    chmodSync(top, 0o711);
    const path = join(top, "store");
    mkdirSync(path);
    if (process.getuid?.() === 0) chownSync(path, 65_534, 65_534);
    chmodSync(path, mode);
    const { stdout, stderr } = spawnSync(process.execPath, [await program("denied"), join(top, "first"), path], { encoding: "utf8" });
    expect(stdout, stderr).toBe("store_read_only");
    chmodSync(path, 0o700);
    expect(readdirSync(path)).toEqual([]);
  });
});

// LMDB ends the process when it gets some of its files and not all of them.
describe("a process that may open no more files", () => {
  it("is told so, however few it may still open, and may try again", async () => {
    const path = join(place(), "store");
    const { stdout, stderr, status, signal } = spawnSync(
      "bash",
      ["-c", `ulimit -n 128; exec "$0" "$@"`, process.execPath, await program("crowded"), path, "16"],
      {
        encoding: "utf8",
      },
    );
    expect({ status, signal }, stderr).toEqual({ status: 0, signal: null });
    const outcomes = JSON.parse(stdout) as string[];
    const opens = outcomes.indexOf("open");
    expect(opens).toBeGreaterThan(4);
    expect(outcomes).toEqual(outcomes.map((_, left) => (left < opens ? "unavailable true" : "open")));
    const store = await openLmdbStore({ path });
    let found = 0;
    for await (const _ of store.scan("k/")) found++;
    expect(found).toBe(17 - opens);
    await store.close();
  });
});

describe("a flush that fails (G-93)", () => {
  it("is never taken for one that succeeded: every batch of its group and every later one rejects, reading goes on", async () => {
    quiet();
    const path = place();
    const store = await openLmdbStore({ path });
    await store.batch([{ put: "k", value: bytes("flushed") }]);
    breakFlush(path);
    const group = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.batch([{ put: `g/${i}`, value: bytes("lost") }])));
    for (const result of group) expect(result).toMatchObject({ status: "rejected", reason: { code: "store_failed", retryable: false } });
    await expect(store.batch([{ put: "later", value: bytes("x") }])).rejects.toMatchObject({ code: "store_failed" });
    await store.close();
    const again = await openLmdbStore({ path });
    expect(text(await again.get("k"))).toBe("flushed");
    for await (const [key] of again.scan("g/")) expect(key).toBe("nothing that was not flushed");
    await again.close();
  });
});
