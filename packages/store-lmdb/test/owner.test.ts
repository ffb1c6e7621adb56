import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLmdbStore } from "../src/index.js";
import { program, startProcess } from "./env.js";
import { bytes, place, text } from "./place.js";

const signs = (path: string): string[] => readdirSync(path).filter((file) => file.startsWith("owner-"));

describe("one writer (TM-205, G-96)", () => {
  it("a process that was killed holds nothing, and what it left of itself is cleared away", async () => {
    const path = place();
    const writer = await startProcess(await program("writer"), [path], () => {});
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_locked" });
    expect(signs(path).length).toBe(1);
    await writer.kill();
    const [left] = signs(path);
    const store = await openLmdbStore({ path });
    expect(signs(path)).not.toContain(left);
    await store.close();
    expect(signs(path)).toEqual([]);
  });

  it("an owner whose sign of life was taken away loses the store to another, and then writes nothing more", async () => {
    const path = place();
    const first = await openLmdbStore({ path });
    await first.batch([{ put: "k", value: bytes("first") }]);
    const [sign = ""] = signs(path);
    renameSync(join(path, sign), join(path, "hidden"));
    const second = await openLmdbStore({ path });
    await second.batch([{ put: "k", value: bytes("second") }]);
    await expect(first.batch([{ put: "k", value: bytes("too late") }])).rejects.toMatchObject({
      code: "store_failed",
      message: expect.stringContaining("taken over"),
    });
    await first.close();
    expect(text(await second.get("k"))).toBe("second");
    await second.batch([{ put: "k", value: bytes("still second") }]);
    await second.close();
  });

  it("a record of the owner that names no sign of ours is damage, not a path to follow", async () => {
    const path = place();
    const writer = await startProcess(await program("writer"), [path], () => {});
    await writer.kill();
    const file = join(path, "data.mdb");
    const data = readFileSync(file);
    for (let at = data.indexOf('"name":"'); at >= 0; at = data.indexOf('"name":"', at + 1)) data.write("../../../etc/passwd-xx", at + 8, "latin1");
    writeFileSync(file, data);
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_damaged" });
  });
});
