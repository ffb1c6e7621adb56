import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { TraceFilter, TraceQuery, TraceStoreOptions } from "./types.js";

export interface TraceSettings {
  readonly count: number;
  readonly ageMs: number;
  readonly detail: "stages" | "calls";
  readonly sample: number;
  readonly failures: "outcome" | "whole";
}

/** What an option must be, and that in words. */
type Rule = readonly [fits: (value: unknown) => boolean, is: string];
type Table<T> = Readonly<Record<keyof T, Rule>>;

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const whole = (most: number): Rule => [
  (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most,
  `a whole number of 1 to ${most}`,
];
const oneOf = (...values: readonly string[]): Rule => [(value) => values.includes(value as string), values.map((value) => `"${value}"`).join(" or ")];
const object: Rule = [isObject, "an object"];
const text: Rule = [(value) => typeof value === "string", "text"];
const time: Rule = [(value) => typeof value === "number" && Number.isFinite(value), "a time in ms, as Date.now() gives it"];
const call: Rule = [(value) => typeof value === "function", "a function"];

const options: Table<TraceStoreOptions> = {
  store: object,
  storeKey: object,
  retention: object,
  detail: oneOf("stages", "calls"),
  sample: [(value) => typeof value === "number" && value >= 0 && value <= 1, "a number of 0 to 1"],
  failures: oneOf("outcome", "whole"),
  runtime: object,
  onDamaged: call,
};
const retention: Table<NonNullable<TraceStoreOptions["retention"]>> = { count: whole(limits.tracesMax), age: whole(Number.MAX_SAFE_INTEGER) };
const filter: Table<TraceFilter> = {
  traceId: text,
  agent: text,
  route: object,
  failed: [(value) => typeof value === "boolean", "true or false"],
  status: oneOf("active", "completed", "failed", "expired", "dead_lettered", "interrupted"),
  since: time,
  until: time,
};
const route: Table<NonNullable<TraceFilter["route"]>> = { from: text, to: text, method: text };
const query: Table<TraceQuery> = { ...filter, limit: whole(limits.tracePageMax) };

/** Throws `invalid_argument` for an option that is unknown or wrong. */
function check(where: string, given: unknown, table: Readonly<Record<string, Rule>>): void {
  const names = Object.keys(table).join(", ");
  if (!isObject(given)) throw wrong(`${where} is an object of ${names}.`);
  for (const [name, value] of Object.entries(given as object)) {
    const rule = Object.hasOwn(table, name) ? table[name] : undefined;
    if (rule === undefined) throw wrong(`${where} has an option that is not one of ${names}.`);
    if (value !== undefined && !rule[0](value)) throw wrong(`${where}.${name} is ${rule[1]}.`);
  }
}

const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

export function traceSettings(given: TraceStoreOptions): TraceSettings {
  check("createTraceStore", given, options);
  check("retention", given.retention ?? {}, retention);
  const { count = limits.traces, age: ageMs = limits.traceAgeMs } = given.retention ?? {};
  const { detail = "stages", sample = 1, failures = "outcome" } = given;
  return { count, ageMs, detail, sample, failures };
}

export function checkFilter(given: TraceFilter): void {
  check("filter", given, filter);
  check("filter.route", given.route ?? {}, route);
}

export function checkQuery(given: TraceQuery): void {
  check("query", given, query);
  check("query.route", given.route ?? {}, route);
}
