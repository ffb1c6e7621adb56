import { TightbeamError } from "./errors.js";
import { checkKnown } from "./known-options.js";

/** Some of `Limits`, as an application gives them: what is undefined is as if it were not there. */
export type GivenLimits<Limits> = { readonly [Name in keyof Limits]?: number | undefined };

/** `given` over `defaults`. Throws `invalid_argument` for a name that is no limit, and for what is no whole number above 0. */
export function limitsFrom<Limits extends { readonly [Name in keyof Limits]: number }>(what: string, given: GivenLimits<Limits>, defaults: Limits): Limits {
  checkKnown(`${what} under limits`, given, Object.keys(defaults));
  const limits = { ...defaults };
  for (const [name, value] of Object.entries(given) as [keyof Limits & string, Limits[keyof Limits & string] | undefined][]) {
    if (value === undefined) continue;
    if (!(Number.isSafeInteger(value) && value >= 1)) throw new TightbeamError("invalid_argument", `The limit \`${name}\` is a whole number above 0.`);
    limits[name] = value;
  }
  return limits;
}
