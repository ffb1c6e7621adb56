import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { openLmdbStore } from "@tightbeam/store-lmdb";
import { figure } from "../../demo/screen.js";
import { createChecks, type Example } from "../example.js";
import { order, presence } from "./contract.js";
import { startWarehouse } from "./start.js";

const each = 100;
const piecesOf = (number: number): number => 1 + (number % 5);

export const orders: Example = {
  name: "orders",
  about: "A shop sends durable orders to a warehouse that is killed in the middle and comes back: every order is booked, and once.",
  async run(place, { line }) {
    const { faults, check } = createChecks();
    const folder = await mkdtemp(join(tmpdir(), "tightbeam-orders-"));
    // Kept apart from the store in real life, and the same at every start.
    const storeKey = crypto.getRandomValues(new Uint8Array(32));
    const begun: number[] = [];
    const openDoors = () => startWarehouse(place, { path: join(folder, "warehouse"), storeKey, begun: (number) => begun.push(number) });
    try {
      const shop = await place.join("shop", [], {
        presence,
        store: await openLmdbStore({ path: join(folder, "shop") }),
        storeKey: crypto.getRandomValues(new Uint8Array(32)),
      });
      const waiting = (): number => shop.durable.status().peers.find(({ peer }) => peer === "warehouse")?.queued ?? 0;
      const send = (first: number) =>
        Promise.all(Array.from({ length: each }, (_, index) => shop.notify("warehouse", order, { number: first + index, pieces: piecesOf(first + index) })));

      const first = await openDoors();
      await send(0);
      line(`  ${each} orders: each is on the shop's disk before its notify resolves`);
      while (waiting() > each - 30) await wait(2);
      const before = await first.books();
      const how = await first.kill();
      const left = waiting();
      line(`  ${first.name} ${how}, with ${before.numbers.length} orders in its books and ${left} on their way`);
      check(left > 0, "the warehouse should end in the middle of the orders");
      await send(each);
      line(`  ${each} more orders while nobody is there: the shop takes them`);

      const since = performance.now();
      const second = await openDoors();
      line(`  ${second.name} opens the same store and finds ${second.found.numbers.length} orders in its books`);
      check(second.found.numbers.length >= before.numbers.length, "what was booked should be there after the end");
      await shop.durable.idle();
      const { numbers, pieces } = await second.books();
      line(`  everything is handled ${((performance.now() - since) / 1_000).toFixed(1)} s later; ${again(begun)}`);
      line(
        `  the books: ${figure(numbers.length)} orders, ${figure(pieces)} pieces, ${new Set(numbers).size === numbers.length ? "none of them twice" : "SOME TWICE"}`,
      );

      const all = Array.from({ length: 2 * each }, (_, number) => number);
      check(numbers.join() === all.join(), "every order should be in the books once, in the order in which it was sent");
      check(pieces === all.reduce((sum, number) => sum + piecesOf(number), 0), "the books should count every piece once");
      const { letters } = await shop.deadLetters.list({});
      check(letters.length === 0, "no order should be given up");
      await second.close();
      await shop.close();
      return faults;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function again(begun: readonly number[]): string {
  const twice = begun.length - new Set(begun).size;
  return twice === 0 ? "no handler was begun twice" : `${twice} ${twice === 1 ? "handler was" : "handlers were"} begun twice`;
}
