import { isMethodName, isName, printable } from "../../envelope/grammar.js";
import { isErrorCode, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import { isAgentId } from "../../transport/address.js";
import type { DeadLetterFilter, DeadLetterOptions, DeadLetterQuery, ReplayOptions } from "./types.js";

export interface LetterSettings {
  readonly count: number;
  readonly ageMs: number;
  readonly bytes: number;
  readonly refuses: boolean;
  /** 0: none. */
  readonly threshold: number;
  readonly undelivered: boolean;
  readonly undecodable: boolean;
  readonly failed: boolean;
}

/** What an option must be, and that in words. */
type Rule = readonly [fits: (value: unknown) => boolean, is: string];
type Table<T> = Readonly<Record<keyof T, Rule>>;

const whole = (least: number, most = Number.MAX_SAFE_INTEGER): Rule => [
  (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  most === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${least}` : `a whole number of ${least} to ${most}`,
];
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isReason = (value: unknown): boolean =>
  isErrorCode(value) || (Array.isArray(value) && value.length <= keptLimits.letterReasons && value.every(isErrorCode));
const isSignal = (value: unknown): boolean => isObject(value) && typeof value.aborted === "boolean";

/** Twelve hex digits. */
const isLetterId = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{12}$/.test(value);

const truth: Rule = [(value) => typeof value === "boolean", "true or false"];
const object: Rule = [isObject, "an object"];
const time: Rule = [(value) => typeof value === "number" && Number.isFinite(value), "a time in ms, as Date.now() gives it"];

const options: Table<DeadLetterOptions> = { retention: object, alert: object, undelivered: truth, undecodable: truth, failed: truth };
const retention: Table<NonNullable<DeadLetterOptions["retention"]>> = {
  count: whole(1, keptLimits.lettersMax),
  age: whole(1),
  bytes: whole(1),
  whenFull: [(value) => value === "drop-oldest" || value === "refuse", '"drop-oldest" or "refuse"'],
};
const alert: Table<NonNullable<DeadLetterOptions["alert"]>> = { threshold: whole(0) };
const filter: Table<DeadLetterFilter> = {
  reason: [isReason, `an error code, or up to ${keptLimits.letterReasons} of them`],
  peer: [isAgentId, "an agent's id"],
  method: [(value) => value === "" || isMethodName(value) || isName(value), "the name of a method"],
  side: [(value) => value === "sender" || value === "receiver", '"sender" or "receiver"'],
  from: time,
  to: time,
};
const query: Table<DeadLetterQuery> = {
  ...filter,
  limit: whole(1, keptLimits.letterPageMax),
  after: [isLetterId, "the id of a letter, or what list() returned as `next`"],
  reverse: truth,
};
const replay: Table<ReplayOptions> = { newId: truth, timeout: whole(1, 2 ** 31 - 1), signal: [isSignal, "an AbortSignal"] };

/** Throws `invalid_argument` for an option that is unknown or wrong. */
function check(where: string, given: unknown, table: Readonly<Record<string, Rule>>): void {
  if (!isObject(given)) throw wrong(`${where} is an object of ${Object.keys(table).join(", ")}.`);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, name)) throw wrong(`${where} has no '${printable(name.slice(0, 40))}'. It has ${Object.keys(table).join(", ")}.`);
    const [fits, is] = table[name] as Rule;
    if (value !== undefined && !fits(value)) throw wrong(`${where}.${name} is ${is}.`);
  }
}

const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

export function letterSettings(given: DeadLetterOptions, persistent: boolean): LetterSettings {
  check("deadLetters", given, options);
  check("deadLetters.retention", given.retention ?? {}, retention);
  check("deadLetters.alert", given.alert ?? {}, alert);
  const { count, age, bytes, whenFull } = given.retention ?? {};
  return {
    count: count ?? keptLimits.letters,
    ageMs: age ?? keptLimits.letterAgeMs,
    bytes: bytes ?? (persistent ? keptLimits.letterBytes : keptLimits.letterMemoryBytes),
    refuses: whenFull === "refuse",
    threshold: given.alert?.threshold ?? keptLimits.letterAlert,
    undelivered: given.undelivered ?? true,
    undecodable: given.undecodable ?? true,
    failed: given.failed ?? true,
  };
}

export function checkLetterId(id: string): void {
  if (!isLetterId(id)) throw wrong("The id of a letter is 12 hex digits, as list() gives it.");
}
export const checkFilter = (given: DeadLetterFilter): void => check("filter", given, filter);
export const checkQuery = (given: DeadLetterQuery): void => check("query", given, query);
export const checkReplay = (given: ReplayOptions): void => check("replay", given, replay);
