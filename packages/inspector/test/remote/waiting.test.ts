import { expect, it } from "vitest";
import { keptLimits } from "../../src/feed/protocol.js";
import type { LinkView } from "../../src/feed/types.js";
import { createWaiting } from "../../src/remote/waiting.js";
import type { SourceUpdate } from "../../src/source/types.js";

const nothing: SourceUpdate = { at: 1, links: [], gone: [], messages: [], dropped: 0, breakers: [], security: [], events: [] };
const links = (from: number, count: number): LinkView[] => Array.from({ length: count }, (_, index) => ({ to: `peer${from + index}` }) as LinkView);

it("[TM-239] remembers so many links of one that tells of ever more and of the end of none", () => {
  const waiting = createWaiting();
  for (let round = 0; round < 4; round += 1) {
    waiting.put({ ...nothing, links: links(round * 4_000, 4_000) });
    if (round % 2 === 1) waiting.take();
  }
  expect(waiting.links().length).toBe(keptLimits.links);
  waiting.put({ ...nothing, links: links(100_000, 4_000) });
  waiting.put({ ...nothing, links: [...links(0, 1), ...links(200_000, 4_000)] });
  expect(waiting.take()?.links.map(({ to }) => to)).toEqual(["peer0"]);
  // Those that ended make room.
  waiting.put({ ...nothing, gone: ["peer1"], links: links(300_000, 2) });
  expect(waiting.take()?.links.map(({ to }) => to)).toEqual(["peer300000"]);
});
