import { expect, test } from "vitest";
import type { EnvelopeHeader } from "../../../src/envelope/types.js";
import { TightbeamError } from "../../../src/errors.js";
import type { Delivery, Outcome } from "../../../src/link/message.js";
import { letterSettings } from "../../../src/patterns/dead-letters/options.js";
import { createLetterSources } from "../../../src/patterns/dead-letters/sources.js";
import type { NewDeadLetter } from "../../../src/patterns/dead-letters/types.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import { idOf, linkTo } from "./fixtures.js";

const header: EnvelopeHeader = { type: "notification", id: idOf(1), timestamp: 1, priority: "normal", method: "work" };
const link = linkTo("bob", { instance: "i", issuer: "i", thumbprint: "t", permissions: [], token: { jti: "j", issuerKey: "k", issuedAt: 1, expiresAt: 2 } });

function setUp() {
  const letters: NewDeadLetter[] = [];
  const sources = createLetterSources((letter) => void letters.push(letter), createVirtualRuntime({ seed: 1 }).clock, letterSettings({}, false));
  const settled: Outcome[] = [];
  /** A small message in a record that is freed when its delivery returns. */
  const record = new Uint8Array(1_000).fill(1);
  const delivery: Delivery = {
    bytes: record.subarray(10, 20),
    size: 10,
    lane: 2,
    intake: true,
    wantsDone: false,
    refused: undefined,
    settle: (outcome) => void settled.push(outcome),
  };
  return { letters, sources, settled, record, delivery };
}

test("a letter of a handler that failed later has the message as it came, although its record is long freed", () => {
  const { letters, sources, settled, record, delivery } = setUp();
  const kept = sources.came?.(link, delivery, header);
  kept?.returned();
  record.fill(0xff);
  kept?.settle("refused", new Error("no"));
  kept?.settle("refused", new Error("no"));
  expect(letters).toMatchObject([{ reason: "handler_failed", envelope: new Uint8Array(10).fill(1), bytes: 10 }]);
  expect(settled).toEqual(["refused", "refused"]);
});

test("a letter of what failed at once, or could not be decoded, has bytes of its own", () => {
  const { letters, sources, record, delivery } = setUp();
  sources.came?.(link, delivery, header).settle("refused", new TightbeamError("invalid_input", "no"));
  sources.undecodable?.(link, delivery, new TightbeamError("invalid_envelope", "no"));
  record.fill(0xff);
  for (const { envelope } of letters) expect(envelope).toEqual(new Uint8Array(10).fill(1));
  expect(letters).toHaveLength(2);
});

test("what went well is no letter; of what was too large only its size is known", () => {
  const { letters, sources, delivery } = setUp();
  sources.came?.(link, delivery, header).settle("ok");
  expect(letters).toEqual([]);
  const large: Delivery = { ...delivery, size: 5_000_000, refused: "too_large" };
  sources.came?.(link, large, header).settle("refused", new TightbeamError("too_large", "no"));
  expect(letters).toMatchObject([{ reason: "too_large", envelope: undefined, bytes: 5_000_000 }]);
});
