import { TightbeamError } from "@tightbeam/core";

type Check = (value: unknown) => boolean;

const isFunction: Check = (value) => typeof value === "function";
const isFlag: Check = (value) => typeof value === "boolean";

const hostName = "(?:[\\w.-]{1,253}|\\[[\\da-fA-F:]+\\])";
const place = new RegExp(`^(?:${hostName}|https://${hostName}(?::\\d{1,5})?)$`);

/** What an option may be, in words and as a test. */
const known: Readonly<Record<string, readonly [string, Check]>> = {
  port: ["a whole number from 0 to 65,535", (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535],
  host: ["a host name or address", (value) => typeof value === "string"],
  allowNetwork: [
    "a list of host names without ports, or of https origins such as https://inspect.example",
    (value) =>
      Array.isArray(value) &&
      value.every((name) => typeof name === "string" && place.test(name) && URL.canParse(name.includes("//") ? name : `http://${name}`)),
  ],
  allowActions: ["true or false", isFlag],
  actions: ["true or false", isFlag],
  reveal: ["true, or a function of the envelope that returns what may be seen", (value) => value === true || isFunction(value)],
  traces: ["a trace store", (value) => typeof value === "object" && value !== null && isFunction((value as { list?: unknown }).list)],
  allow: [
    "a list of those who may look: ids of agents, or permissions such as 'inspect:alice'",
    (value) => Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string" && each !== ""),
  ],
  viewers: ["a whole number from 1", (value) => Number.isSafeInteger(value) && (value as number) > 0],
  onFailure: ["a function", isFunction],
  runtime: ["a Runtime", (value) => typeof value === "object" && value !== null],
};

/** Throws `invalid_argument`. An option that is undefined is one that is not there. */
export function checkOptions(where: string, options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw wrong(`${where} takes an object of options.`);
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) throw wrong(`${where} has no option '${name.slice(0, 40)}'. Its options are ${names.join(", ")}.`);
    const [words, check] = known[name] as (typeof known)[string];
    if (value !== undefined && !check(value)) throw wrong(`The option ${name} of ${where} is ${words}.`);
  }
}

export const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
