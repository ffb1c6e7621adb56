import type { Agent } from "@tightbeam/core";
import { describe, expect, vi } from "vitest";
import { createDisk, type Disk } from "../../packages/core/test/store/disk.js";
import { type AgentSuiteOptions, howRun, type Place, testIn } from "./place.js";

const storeKey = new Uint8Array(32).fill(9);
const durable = { durable: true } as const;

/** Durable messages, whatever carries them, across ends of either side. */
export function durableSuite(options: AgentSuiteOptions): void {
  const test = testIn(options);
  const join = (place: Place, id: string, disk: Disk): Promise<Agent> => place.join(id, { store: disk.open(), storeKey });

  describe(`durable messages over ${options.name}`, howRun(options), () => {
    test("G-70 each is handled once, in order, and leaves nothing behind", async ({ place }) => {
      const here = await place();
      const disk = createDisk();
      const alice = await join(here, "alice", createDisk());
      const bob = await join(here, "bob", disk);
      const got: unknown[] = [];
      alice.handle("job", (input) => void got.push(input));
      const wanted = Array.from({ length: 120 }, (_, i) => i);
      for (let i = 0; i < wanted.length; i += 40) await Promise.all(wanted.slice(i, i + 40).map((n) => bob.notify("alice", "job", n, durable)));
      await bob.durable.idle();
      expect(got).toEqual(wanted);
      await bob.notify("alice", "job", "last", { durable: true, confirm: "done", timeout: 60_000 });
      expect(got).toHaveLength(121);
      await vi.waitFor(() => expect([...disk.entries.keys()].filter((key) => key.startsWith("out/"))).toEqual([]), { timeout: 20_000 });
    });

    test("G-70 G-75 both sides end and come back: everything accepted is handled, nothing done runs again", async ({ place }) => {
      const here = await place();
      const disks = { alice: createDisk(), bob: createDisk() };
      const got: unknown[] = [];
      const done = new Set<unknown>();
      const startAlice = async (): Promise<Agent> => {
        const alice = await join(here, "alice", disks.alice);
        alice.handle("job", (input) => {
          if (done.has(input)) throw new Error(`${input} was done`);
          got.push(input);
        });
        return alice;
      };
      let bob = await join(here, "bob", disks.bob);
      for (let i = 0; i < 10; i++) await bob.notify("alice", "job", `before ${i}`, durable);
      let alice = await startAlice();
      await bob.notify("alice", "job", "first", { durable: true, confirm: "done", timeout: 60_000 });
      for (const input of got) done.add(input);
      await alice.close();
      for (let i = 0; i < 10; i++) await bob.notify("alice", "job", `between ${i}`, durable);
      await bob.close();
      bob = await join(here, "bob", disks.bob);
      for (let i = 0; i < 10; i++) await bob.notify("alice", "job", `after ${i}`, durable);
      alice = await startAlice();
      await bob.durable.idle();
      expect(alice.durable.status().failed).toBeUndefined();
      const wanted = ["before", "between", "after"].flatMap((when) => Array.from({ length: 10 }, (_, i) => `${when} ${i}`));
      expect(new Set(got)).toEqual(new Set([...wanted, "first"]));
      expect(got).toHaveLength(31);
    });

    test("G-74 G-79 what fails for good is a dead letter, and its sender hears of it", async ({ place }) => {
      const here = await place();
      const alice = await here.join("alice", { store: createDisk().open(), storeKey, durable: { maxDeliveries: 2 } });
      const bob = await join(here, "bob", createDisk());
      alice.handle("job", () => {
        throw new Error("no");
      });
      await expect(bob.notify("alice", "job", 1, { durable: true, confirm: "done", timeout: 60_000 })).rejects.toMatchObject({ code: "dead_lettered" });
      expect((await alice.deadLetters.list()).letters).toMatchObject([{ side: "receiver", peer: "bob", method: "job", attempts: 2 }]);
    });
  });
}
