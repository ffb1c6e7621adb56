import { isPlainObject } from "../codec/plain.js";
import { isHeaderName, isPrintable, maxHeaders } from "./grammar.js";
import { invalid } from "./layout.js";
import type { Headers } from "./types.js";

const Bare = function Headers() {} as unknown as new () => Record<string, string>;
Bare.prototype = Object.freeze(Object.create(null));

/** A map for headers that inherits no name: one that is not there reads as undefined, whatever it is. Faster to fill than `Object.create(null)`. */
export const emptyHeaders = (): Record<string, string> => new Bare();

/** The headers an application or a JSON form gave, each read once and checked. Throws `invalid_envelope`. */
export function headerEntries(headers: unknown): readonly (readonly [string, string])[] {
  if (!isPlainObject(headers)) throw invalid("headers", "a plain object of text values");
  const entries = Object.entries(headers);
  if (entries.length > maxHeaders) throw invalid("headers", `at most ${maxHeaders}`);
  for (const [name, value] of entries) {
    if (!isHeaderName(name)) throw invalid("headers", "a name is 1 to 64 characters of an HTTP token in lower case, first a letter or digit");
    if (!isPrintable(value)) throw invalid(`headers.${name}`, "printable text");
  }
  return entries as [string, string][];
}

/** A copy of the application's headers that nothing else can reach. Throws `invalid_envelope`. */
export function copyHeaders(headers: unknown): Headers {
  const copy = emptyHeaders();
  for (const [name, value] of headerEntries(headers)) copy[name] = value;
  return copy;
}
