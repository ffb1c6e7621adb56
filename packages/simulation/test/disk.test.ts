import type { Store } from "@tightbeam/core/store";
import { describe, expect, it } from "vitest";
import { createScheduler } from "../src/clock/scheduler.js";
import { createChance } from "../src/random.js";
import { createDisk } from "../src/world/disk.js";
import { createClocks, createProcess } from "../src/world/process.js";

function machine(seed = 1) {
  const scheduler = createScheduler();
  const clocks = createClocks(scheduler);
  const disk = createDisk(seed, "alice");
  let incarnation = 0;
  const start = () => createProcess({ agent: "alice", incarnation: incarnation++, seed, scheduler, clocks });
  const outcome = async (promise: Promise<unknown>, ms = 20): Promise<unknown> => {
    let found: unknown = "nothing yet";
    promise.then(
      (value) => {
        found = value ?? "done";
      },
      (error: { code?: string }) => {
        found = error.code;
      },
    );
    await scheduler.run(scheduler.now + ms);
    return found;
  };
  const open = (process = start()) => disk.open(process, () => undefined);
  const keys = async (store: Store): Promise<unknown> => {
    const all = async () => {
      const found: string[] = [];
      for await (const [key] of store.scan("")) found.push(key);
      return found;
    };
    return outcome(all());
  };
  return { scheduler, disk, start, open, outcome, keys };
}

const put = (key: string) => [{ put: key, value: Uint8Array.of(1, 2, 3) }];

describe("a disk", () => {
  it("keeps what was flushed beyond the process, and is open once", async () => {
    const { disk, open, start, outcome, keys } = machine();
    const process = start();
    const store = open(process);
    expect(() => open(process)).toThrow(expect.objectContaining({ code: "store_locked" }));
    expect(await outcome(store.batch([...put("b"), ...put("a")]))).toBe("done");
    expect(await outcome(store.batch([{ remove: "b" }]))).toBe("done");
    expect(await outcome(store.get("a"))).toEqual(Uint8Array.of(1, 2, 3));
    process.kill();
    disk.crash();
    expect(await outcome(store.batch(put("c")))).toBe("nothing yet");
    expect(await keys(open())).toEqual(["a"]);
  });

  it("has a first part of what was being flushed when its process was killed: whole batches, and nothing that came later", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const { scheduler, disk, open, start, keys } = machine(seed);
      const process = start();
      const store = open(process);
      let killed = false;
      disk.onFlush(() => {
        killed = true;
        void store.batch(put("z")).catch(() => undefined);
        process.kill();
        disk.crash();
      });
      for (const key of ["a", "b"]) void store.batch([...put(`${key}1`), ...put(`${key}2`)]);
      await scheduler.run(scheduler.now + 20);
      expect(killed).toBe(true);
      seen.add(String(await keys(open())));
    }
    expect(seen).toEqual(new Set(["", "a1,a2", "a1,a2,b1,b2"]));
  });

  it("finds no room while it is full, and goes on", async () => {
    const { disk, open, outcome, keys } = machine();
    const store = open();
    disk.setFull(true);
    expect(await outcome(store.batch(put("a")))).toBe("store_full");
    disk.setFull(false);
    expect(await outcome(store.batch(put("b")))).toBe("done");
    expect(await keys(store)).toEqual(["b"]);
  });

  it("is of no use to a process after a flush that failed, and is again to the next", async () => {
    const { disk, open, start, outcome } = machine();
    const process = start();
    const store = open(process);
    disk.failFlush(true);
    expect(await outcome(store.batch(put("a")))).toBe("store_failed");
    disk.failFlush(false);
    expect(disk.broken).toBe(true);
    expect(await outcome(store.batch(put("b")))).toBe("store_failed");
    process.kill();
    disk.crash();
    const next = open();
    expect(disk.broken).toBe(false);
    expect(await outcome(next.batch(put("b")))).toBe("done");
  });

  it("loses one bit of a value, and nothing of the store's own header", async () => {
    const { disk, open, outcome } = machine();
    const store = open();
    disk.rot(createChance(1), "rot");
    expect(await outcome(store.batch([...put("a"), ...put("meta/state")]))).toBe("done");
    for (let time = 0; time < 5; time++) disk.rot(createChance(time), "rot");
    expect(await outcome(store.get("meta/state"))).toEqual(Uint8Array.of(1, 2, 3));
    expect(await outcome(store.get("a"))).not.toEqual(Uint8Array.of(1, 2, 3));
  });

  it("closes when what it was given is flushed, refuses what is no key, and takes nothing after", async () => {
    const { open, start, outcome, keys } = machine();
    const process = start();
    const store = open(process);
    void store.batch(put("a"));
    expect(await outcome(store.batch(put("no key!")))).toBe("invalid_argument");
    expect(await outcome(store.close())).toBe("done");
    expect(await outcome(store.batch(put("b")))).toBe("closed");
    expect(await keys(open(process))).toEqual(["a"]);
  });
});
