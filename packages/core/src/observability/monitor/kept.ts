import { decodeUtf8, encodeUtf8 } from "../../bytes.js";
import { isErrorCode, TightbeamError } from "../../errors.js";
import { createHistogram, durationBounds, type Histogram } from "./histogram.js";
import { addRoute, createRoute, otherName, type Route, type RouteDirection, type RouteType, routeDirections, routeTypes } from "./route.js";

const nameMax = 256;
/** Rows of one entry: a row is below 3 KiB, an entry of any store takes 256 KiB. */
export const rowsPerEntry = 64;

/** Rows as they are kept: arrays in JSON, in the order of `RouteKey` and `Route`. */
export const encodeRows = (rows: readonly Route[]): Uint8Array => encodeUtf8(JSON.stringify(rows.map(encodeRow)));

function encodeRow({
  direction,
  type,
  from,
  to,
  method,
  succeeded,
  failed,
  errors,
  retries,
  deadLetters,
  callBytes,
  replyBytes,
  duration,
}: Route): readonly unknown[] {
  const { count, sum, min, max, buckets } = duration;
  const filled = [...buckets].flatMap((each, i) => (each === 0 ? [] : [[i, each]]));
  return [direction, type, from, to, method, succeeded, failed, [...errors], retries, deadLetters, callBytes, replyBytes, [count, sum, min, max, filled]];
}

/** Throws `store_damaged` for anything but what `encodeRows` makes. */
export function decodeRows(bytes: Uint8Array, key: string, now: number): readonly Route[] {
  try {
    return list(JSON.parse(decodeUtf8(bytes)), rowsPerEntry).map((row) => decodeRow(row, now));
  } catch (cause) {
    throw damaged(key, cause);
  }
}

export const damaged = (key: string, cause?: unknown): TightbeamError =>
  new TightbeamError("store_damaged", `The entry ${key} is no part of a monitor's figures. Remove the store, or restore it from a copy.`, { cause });

function decodeRow(value: unknown, now: number): Route {
  const [direction, type, from, to, method, succeeded, failed, errors, retries, deadLetters, callBytes, replyBytes, duration] = list(value, 13);
  const key = {
    direction: one(direction, routeDirections) as RouteDirection,
    type: one(type, routeTypes) as RouteType,
    from: name(from),
    to: name(to),
    method: name(method),
  };
  const route = createRoute(key, now);
  addRoute(route, {
    succeeded: whole(succeeded),
    failed: whole(failed),
    errors: new Map(list(errors, 256).map(readError)),
    retries: whole(retries),
    deadLetters: whole(deadLetters),
    callBytes: whole(callBytes),
    replyBytes: whole(replyBytes),
    duration: readHistogram(duration),
  });
  return route;
}

function readError(value: unknown): readonly [string, number] {
  const [code, count] = list(value, 2);
  if (code !== otherName && !isErrorCode(code)) throw new Error("no code");
  return [code as string, whole(count)];
}

function readHistogram(value: unknown): Histogram {
  const [count, sum, min, max, filled] = list(value, 5);
  const histogram = createHistogram();
  Object.assign(histogram, { count: whole(count), sum: measure(sum), min: measure(min), max: measure(max) });
  let total = 0;
  for (const each of list(filled, durationBounds.length + 1)) {
    const [at, inside] = list(each, 2);
    if (whole(at) > durationBounds.length) throw new Error("no bucket");
    histogram.buckets[at as number] = whole(inside);
    total += inside as number;
  }
  if (total !== histogram.count) throw new Error("buckets and count differ");
  return histogram;
}

function list(value: unknown, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > most) throw new Error("no list");
  return value as readonly unknown[];
}

function one(value: unknown, of: readonly string[]): string {
  if (!of.includes(value as string)) throw new Error("no such word");
  return value as string;
}

function name(value: unknown): string {
  if (typeof value !== "string" || value.length > nameMax) throw new Error("no name");
  return value;
}

function whole(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new Error("no count");
  return value as number;
}

function measure(value: unknown): number {
  if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new Error("no measure");
  return value;
}
