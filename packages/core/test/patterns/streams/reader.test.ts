import { expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { createMemoryBudget } from "../../../src/link/budget.js";
import { StreamReader } from "../../../src/patterns/streams/reader.js";

test("TM-103: a chunk of one byte counts in the memory as what it takes, and is given back when it is read, left or over", async () => {
  const memory = createMemoryBudget(2 ** 20);
  const owner = { grant: () => undefined, readNoMore: () => undefined, broken: () => undefined };
  const make = () => new StreamReader({ json: limits, schema: undefined, where: "input", window: 2 ** 20, owner });
  const fill = (reader: StreamReader): void => {
    reader.open(memory);
    for (let chunk = 0; chunk < 100; chunk++) expect(reader.take({ kind: "bytes", bytes: new Uint8Array(1) })).toBeUndefined();
  };
  const read = make();
  fill(read);
  expect(memory.used).toBeGreaterThanOrEqual(100 * 256);
  for (let chunk = 0; chunk < 100; chunk++) await read.next();
  expect(memory.used).toBe(0);
  const left = make();
  fill(left);
  await left.next();
  await left.return();
  const over = make();
  fill(over);
  over.end();
  expect(memory.used).toBe(0);
  const full = make();
  full.open(memory);
  let taken = 0;
  while (full.take({ kind: "bytes", bytes: new Uint8Array(1) })?.code !== "overloaded") taken++;
  expect(taken).toBeLessThanOrEqual(2 ** 20 / 256);
});

test("G-36: what was dropped before it was heard is no end: the error comes, once, although the other side had said everything", async () => {
  const owner = { grant: () => undefined, readNoMore: () => undefined, broken: () => undefined };
  const make = (chunks: number): StreamReader => {
    const reader = new StreamReader({ json: limits, schema: undefined, where: "input", window: 2 ** 20, owner });
    reader.open(createMemoryBudget(2 ** 20));
    for (let chunk = 0; chunk < chunks; chunk++) reader.take({ kind: "bytes", bytes: new Uint8Array(1) });
    reader.end();
    return reader;
  };
  const gone = new TightbeamError("delivery_unknown", "The link ended.");
  const cut = make(2);
  await cut.next();
  cut.drop(gone);
  await expect(cut.next()).rejects.toBe(gone);
  expect(await cut.next()).toEqual({ done: true, value: undefined });
  const heard = make(1);
  await heard.next();
  heard.drop(gone);
  expect(await heard.next()).toEqual({ done: true, value: undefined });
  const left = make(2);
  await left.return();
  expect(await left.next()).toEqual({ done: true, value: undefined });
});
