import { expect, it } from "vitest";
import type { Replicas } from "../../src/link/replicas.js";
import { createSeeker, type SeekOptions } from "../../src/link/seek.js";
import { createSeeking } from "../../src/link/seeking-browser.js";
import { onDemand } from "../../src/on-demand.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";

function setUp() {
  const asked: string[] = [];
  let online = true;
  let loads = 0;
  const load = onDemand(async () => {
    loads++;
    if (!online) throw new Error("offline");
    return { createSeeker };
  });
  const options: SeekOptions = {
    runtime: createVirtualRuntime({ seed: 1 }),
    ask: (id) => void asked.push(id),
    isKnown: () => false,
    dial: () => Promise.reject(new Error("nobody")),
  };
  const seeker = createSeeking(options, load as Parameters<typeof createSeeking>[1]);
  const go = (now: boolean): void => {
    online = now;
  };
  const group = (id: string, links = 1) => ({ id, links: new Array(links).fill({}) }) as unknown as Replicas;
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { seeker, asked, go, group, settle, loads: () => loads };
}

it("asks for the first that waited, and at once from then on; however many ask meanwhile, it is loaded once and nothing is kept", async () => {
  const { seeker, asked, group, settle, loads } = setUp();
  for (let time = 0; time < 1_000; time++) seeker.seek(group(`agent${time}`));
  await settle();
  expect([asked, loads()]).toEqual([["agent0"], 1]);
  seeker.seekNow(group("bob"));
  expect(asked).toEqual(["agent0", "bob"]);
});

it("does not ask for an agent whose last link ended meanwhile", async () => {
  const { seeker, asked, group, settle } = setUp();
  seeker.seek(group("gone", 0));
  await settle();
  expect(asked).toEqual([]);
});

it("is loaded again with the next that asks when it could not be", async () => {
  const { seeker, asked, go, group, settle, loads } = setUp();
  go(false);
  seeker.seekNow(group("bob"));
  await settle();
  go(true);
  seeker.seekNow(group("bob"));
  await settle();
  expect([asked, loads()]).toEqual([["bob"], 2]);
});
