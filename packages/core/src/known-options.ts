import { TightbeamError } from "./errors.js";

/** Options of which none misses. */
export type WithDefaults<Options> = { readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

/** Throws `invalid_argument` for what is no object, and for an option that is not known: a misspelt one would be as if it had never been given, without a word. */
export function checkKnown(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw new TightbeamError("invalid_argument", `The options of ${what} are an object of ${known.join(", ")}.`);
  for (const name of Object.keys(options))
    if (!known.includes(name))
      throw new TightbeamError("invalid_argument", `${what} has no option '${name.slice(0, 40)}'. Its options are ${known.join(", ")}.`);
}
