import { beforeAll, expect, onTestFinished, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld } from "./world.js";

beforeAll(loadParts);

test("a receiver that was killed while its handlers ran, and is back with its store, has its messages again as soon as its silence is noticed", async () => {
  const here = await createWorld();
  onTestFinished(() => here.close());
  const disk = createDisk();
  const bob = await here.start("bob", { disk: createDisk(), presence: false });
  const alice = await here.start("alice", { disk, presence: false });
  let begun = 0;
  alice.agent.handle("job", () => {
    begun++;
    return new Promise(() => {});
  });
  for (let i = 0; i < 3; i++) await here.during(bob.agent.notify("alice", "job", i, { durable: true }));
  await here.until(() => begun === 3);
  // Everything is acknowledged: a link with nothing else to do would ask after 25 s.
  await here.runtime.advance(1_000);
  await alice.crash();
  const again = await here.start("alice", { disk, presence: false });
  const got: unknown[] = [];
  again.agent.handle("job", (input) => void got.push(input));
  const before = here.runtime.clock.monotonic();
  await here.until(() => got.length === 3);
  expect(got).toEqual([0, 1, 2]);
  expect(here.runtime.clock.monotonic() - before).toBeLessThan(10_000);
  await here.during(bob.agent.durable.idle());
});
