import * as keptLimits from "../../kept-limits.js";
import { call, checkGiven, flag, object, oneOf, type Rule, type Rules, text, whole } from "../rules.js";
import type { TraceFilter, TraceQuery, TraceStoreOptions } from "./types.js";

export interface TraceSettings {
  readonly count: number;
  readonly ageMs: number;
  readonly detail: "stages" | "calls";
  readonly sample: number;
  readonly failures: "outcome" | "whole";
}

const time: Rule = [(value) => typeof value === "number" && Number.isFinite(value), "a time in ms, as Date.now() gives it"];

const options: Rules<TraceStoreOptions> = {
  store: object,
  storeKey: object,
  retention: object,
  detail: oneOf("stages", "calls"),
  sample: [(value) => typeof value === "number" && value >= 0 && value <= 1, "a number of 0 to 1"],
  failures: oneOf("outcome", "whole"),
  runtime: object,
  onDamaged: call,
};
const retention: Rules<NonNullable<TraceStoreOptions["retention"]>> = { count: whole(keptLimits.tracesMax), age: whole(Number.MAX_SAFE_INTEGER) };
const filter: Rules<TraceFilter> = {
  traceId: text,
  agent: text,
  route: object,
  failed: flag,
  status: oneOf("active", "completed", "failed", "expired", "dead_lettered", "interrupted"),
  since: time,
  until: time,
};
const route: Rules<NonNullable<TraceFilter["route"]>> = { from: text, to: text, method: text };
const query: Rules<TraceQuery> = { ...filter, limit: whole(keptLimits.tracePageMax) };

export function traceSettings(given: TraceStoreOptions): TraceSettings {
  checkGiven("createTraceStore", given, options);
  checkGiven("retention", given.retention ?? {}, retention);
  const { count = keptLimits.traces, age: ageMs = keptLimits.traceAgeMs } = given.retention ?? {};
  const { detail = "stages", sample = 1, failures = "outcome" } = given;
  return { count, ageMs, detail, sample, failures };
}

export function checkFilter(given: TraceFilter): void {
  checkGiven("filter", given, filter);
  checkGiven("filter.route", given.route ?? {}, route);
}

export function checkQuery(given: TraceQuery): void {
  checkGiven("query", given, query);
  checkGiven("query.route", given.route ?? {}, route);
}
