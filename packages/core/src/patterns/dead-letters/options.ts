import { isMethodName, isName, printable } from "../../envelope/grammar.js";
import { isErrorCode, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
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

type Table<T> = Readonly<Record<keyof T, (value: unknown) => boolean>>;

const isWhole =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const isBoolean = (value: unknown): boolean => typeof value === "boolean";
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isTime = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
const isReason = (value: unknown): boolean => isErrorCode(value) || (Array.isArray(value) && value.length <= limits.letterReasons && value.every(isErrorCode));
const isSignal = (value: unknown): boolean => isObject(value) && typeof value.aborted === "boolean";

/** Twelve hex digits. */
export const isLetterId = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{12}$/.test(value);

const options: Table<DeadLetterOptions> = { retention: isObject, alert: isObject, undelivered: isBoolean, undecodable: isBoolean, failed: isBoolean };
const retention: Table<NonNullable<DeadLetterOptions["retention"]>> = {
  count: isWhole(1, limits.lettersMax),
  age: isWhole(1),
  bytes: isWhole(1),
  whenFull: (value) => value === "drop-oldest" || value === "refuse",
};
const alert: Table<NonNullable<DeadLetterOptions["alert"]>> = { threshold: isWhole(0) };
const filter: Table<DeadLetterFilter> = {
  reason: isReason,
  peer: isAgentId,
  method: (value) => value === "" || isMethodName(value) || isName(value),
  side: (value) => value === "sender" || value === "receiver",
  from: isTime,
  to: isTime,
};
const query: Table<DeadLetterQuery> = { ...filter, limit: isWhole(1, limits.letterPageMax), after: isLetterId, reverse: isBoolean };
const replay: Table<ReplayOptions> = { newId: isBoolean, timeout: isWhole(1, 2 ** 31 - 1), signal: isSignal };

/** Throws `invalid_argument` for an option that is unknown or wrong. */
function check(where: string, given: unknown, table: Readonly<Record<string, (value: unknown) => boolean>>): void {
  if (!isObject(given)) throw wrong(`${where} is an object of ${Object.keys(table).join(", ")}.`);
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, name)) throw wrong(`${where} has no '${printable(name.slice(0, 40))}'. It has ${Object.keys(table).join(", ")}.`);
    if (value !== undefined && table[name]?.(value) !== true) throw wrong(`${where}.${name} is not what it must be: see docs/dead-letters.md.`);
  }
}

const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

export function letterSettings(given: DeadLetterOptions, persistent: boolean): LetterSettings {
  check("deadLetters", given, options);
  check("deadLetters.retention", given.retention ?? {}, retention);
  check("deadLetters.alert", given.alert ?? {}, alert);
  const { count, age, bytes, whenFull } = given.retention ?? {};
  return {
    count: count ?? limits.letters,
    ageMs: age ?? limits.letterAgeMs,
    bytes: bytes ?? (persistent ? limits.letterBytes : limits.letterMemoryBytes),
    refuses: whenFull === "refuse",
    threshold: given.alert?.threshold ?? limits.letterAlert,
    undelivered: given.undelivered ?? true,
    undecodable: given.undecodable ?? true,
    failed: given.failed ?? true,
  };
}

export const checkFilter = (given: DeadLetterFilter): void => check("A filter", given, filter);
export const checkQuery = (given: DeadLetterQuery): void => check("A query", given, query);
export const checkReplay = (given: ReplayOptions): void => check("A replay", given, replay);
