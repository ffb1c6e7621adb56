import type { Lane } from "../../link/message.js";
import { numberKey } from "../../store/keys.js";

/** Messages, by the number of the first one of their entry. */
export const outPrefix = (digest: string): string => `out/${digest}/`;
export const lanePrefix = (digest: string, lane: Lane): string => `out/${digest}/${lane}/`;
export const segmentKey = (digest: string, lane: Lane, first: number): string => lanePrefix(digest, lane) + numberKey(first);

/** Messages that are over although the entry they are in is still there: dead letters. */
export const overPrefix = (digest: string): string => `over/${digest}/`;
export const overKey = (digest: string, lane: Lane, number: number): string => `${overPrefix(digest)}${lane}/${numberKey(number)}`;

/** What is counted beside the bytes of a message. */
export const messageCost = 160;

export interface Numbered {
  readonly lane: Lane;
  readonly number: number;
}

/** The lane and number that a key ends with; undefined for one that is none. */
export function numberedOf(key: string): Numbered | undefined {
  const [number = "", lane = ""] = key.split("/").reverse();
  return /^[0-9a-f]{12}$/.test(number) && /^[0-3]$/.test(lane) ? { lane: Number(lane) as Lane, number: Number.parseInt(number, 16) } : undefined;
}
