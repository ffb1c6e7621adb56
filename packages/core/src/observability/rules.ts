import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";

/** What an option must be, and that in words. */
export type Rule = readonly [fits: (value: unknown) => boolean, is: string];
export type Rules<T> = Readonly<Record<keyof T, Rule>>;

export const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

export const whole = (most: number): Rule => [
  (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most,
  `a whole number of 1 to ${most}`,
];
export const oneOf = (...values: readonly string[]): Rule => [(value) => values.includes(value as string), values.map((value) => `"${value}"`).join(" or ")];
export const object: Rule = [isObject, "an object"];
export const text: Rule = [(value) => typeof value === "string", "text"];
export const call: Rule = [(value) => typeof value === "function", "a function"];
export const flag: Rule = [(value) => typeof value === "boolean", "true or false"];
/** What else judges it. */
export const anything: Rule = [() => true, "anything"];

/** Throws `invalid_argument` for an option that is unknown or wrong. */
export function checkGiven<T>(where: string, given: unknown, rules: Rules<T>): void {
  const table: Readonly<Record<string, Rule>> = rules;
  const names = Object.keys(table).join(", ");
  if (!isObject(given)) throw wrong(`${where} is an object of ${names}.`);
  checkKnown(where, given, Object.keys(table));
  for (const [name, value] of Object.entries(given)) {
    const [fits, is] = table[name] as Rule;
    if (value !== undefined && !fits(value)) throw wrong(`${where}.${name} is ${is}.`);
  }
}

export const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
