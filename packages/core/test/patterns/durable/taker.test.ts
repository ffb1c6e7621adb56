import { expect, test } from "vitest";
import type { Link } from "../../../src/link/link-types.js";
import { createTaker, type TakerOptions } from "../../../src/patterns/durable/taker.js";
import type { Writer } from "../../../src/patterns/durable/writer.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

const text = (seed: number): string => `${String(seed).padStart(21, "A")}A`;
const zeros = [0, 0, 0, 0];
const opening = (store: string) => ({ store, kept: false, starts: [[1, text(2)]], epoch: 0, began: zeros, next: zeros, floor: zeros });
const linkOf = (state: string) => ({ peer: { id: "rogue" }, state }) as unknown as Link;

test("TM-193 a link that ended while its opening was looked at keeps no store from being forgotten", async () => {
  const writer = { failed: undefined, add: () => undefined } as unknown as Writer;
  const runtime = createVirtualRuntime({ seed: 1 });
  const taker = await createTaker({
    runtime,
    writer,
    state: undefined,
    store: text(9),
    starts: [{ incarnation: 1, nonce: text(8) }],
  } as unknown as TakerOptions);
  const code = (link: Link, store: number): unknown => {
    try {
      return typeof taker.open(link, opening(text(100 + store)));
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  for (let store = 0; store < 64; store++) expect(code(linkOf("ended"), store)).toBe("closed");
  expect(code(linkOf("up"), 64)).toBe("object");
  expect(taker.settled()).toHaveLength(1);
});
