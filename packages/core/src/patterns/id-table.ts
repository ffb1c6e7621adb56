import { createTable, type Table } from "../open-table.js";
import type { Random } from "../runtime/runtime.js";

export type IdTable<T> = Table<string, T>;

/** 28 bits of an id's random ones. */
const lastDigits = 7;

/** For ids that are made here: their last digits are random. */
export const createOwnIdTable = <T>(): IdTable<T> => createTable((id) => hashFrom(id.length - lastDigits, id, 0x9e37_79b1));

/** For ids that others choose, and could choose to be in each other's way: all of each counts, by a number that nobody knows. */
export function createPeerIdTable<T>(random: Random): IdTable<T> {
  const secret = oddNumber(random);
  return createTable((id) => hashFrom(0, id, secret));
}

/** The same, for whole numbers below 2^53. */
export function createPeerNumberTable<T>(random: Random): Table<number, T> {
  const [low, high] = [oddNumber(random), oddNumber(random)];
  return createTable((id) => (Math.imul(id, low) + Math.imul(id / 2 ** 32, high)) | 0);
}

function oddNumber(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  return (a << 24) | (b << 16) | (c << 8) | d | 1;
}

function hashFrom(start: number, id: string, factor: number): number {
  let hash = 0;
  for (let at = start; at < id.length; at++) hash = Math.imul(hash + id.charCodeAt(at), factor);
  return hash;
}
