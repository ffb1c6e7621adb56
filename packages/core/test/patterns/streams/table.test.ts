import { expect, test } from "vitest";
import * as limits from "../../../src/limits.js";
import type { Link } from "../../../src/link/link-types.js";
import { createStreamTable } from "../../../src/patterns/streams/table.js";

const linkWith = (id: string): Link => ({ peer: { id } }) as unknown as Link;

test("TM-101: one peer agent has at most three in four of the streams that are served, over all its instances, and also when its links ended", () => {
  const table = createStreamTable();
  const fill = (id: string, most: number): number => {
    let entered = 0;
    while (entered < most && table.enter(table.at(linkWith(id)))) entered++;
    return entered;
  };
  expect(fill("mallory", 20_000)).toBe(limits.streamsPerPeer);
  expect(limits.streamsPerPeer).toBeLessThanOrEqual((limits.streamsPerAgent * 3) / 4);
  // Its handlers never settle: that its links ended gives nothing back.
  for (const { link } of [...table.places]) table.end(link, undefined as never);
  expect(fill("mallory", 1)).toBe(0);
  expect(fill("bob", 100)).toBe(100);
  expect(table.serving).toBe(limits.streamsPerPeer + 100);
});

test("a stream that settled makes room for its peer's next one", () => {
  const table = createStreamTable();
  const place = table.at(linkWith("bob"));
  while (table.enter(place));
  expect(place.serving).toBe(limits.streamsPerLink);
  table.leave(place);
  expect(table.enter(place)).toBe(true);
  while (place.serving > 0) table.leave(place);
  expect(table.serving).toBe(0);
});
