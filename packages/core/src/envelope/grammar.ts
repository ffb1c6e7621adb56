import { encodeUtf8, isWellFormed } from "../bytes.js";
import * as protocol from "../protocol.js";

/** What the strings of an envelope may be. The wire, the JSON form and the contracts ask here, so they cannot disagree. */

const name = /^[A-Za-z0-9][\w-]*(?:[./][A-Za-z0-9][\w-]*)*$/;
const methodName = /^[A-Za-z0-9][\w-]*(?:[./][A-Za-z0-9][\w-]*)*(?:@[1-9][0-9]{0,8})?$/;
const headerName = /^[a-z0-9][a-z0-9!#$%&'*+.^_`|~-]{0,63}$/;
const key = /^[\x21-\x7e]{1,128}$/;
const errorId = /^[\w-]{1,64}$/;
const code = /^[a-z][a-z_]{0,63}$/;
const ascii = /^[\x20-\x7e]*$/;
// Controls, line and paragraph separators, and what turns the direction of text: none may reach a log or a terminal.
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

export const maxNameLength = 128;
export const maxHeaders = 32;
export const maxErrorTextBytes = 1024;

/** A topic, or a method without a version: 1 to 128 of `A-Z a-z 0-9 _ -` in segments joined by `.` or `/`, each beginning with a letter or digit. */
export const isName = (text: unknown): text is string => typeof text === "string" && text.length <= maxNameLength && name.test(text);

/** A method on the wire: a name and, behind an `@`, the version of the contract it belongs to: `search.find@2`. At most 128 characters. */
export const isMethodName = (text: unknown): text is string => typeof text === "string" && text.length <= maxNameLength && methodName.test(text);

/** A version of a contract. */
export const isVersion = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= protocol.contractVersionMax;

/** A header name: 1 to 64 characters of an HTTP token in lower case, beginning with a letter or digit, and no name that objects have of their own. */
export const isHeaderName = (text: unknown): text is string =>
  typeof text === "string" && (text === lastHeaderName || (headerName.test(text) && text !== "constructor" && isNoted(text)));

/** It was checked: agents use a few over and over. */
let lastHeaderName = "";
const isNoted = (text: string): true => {
  lastHeaderName = text;
  return true;
};

/** 1 to 128 visible ASCII characters. */
export const isIdempotencyKey = (text: unknown): text is string => typeof text === "string" && key.test(text);

/** 1 to 64 of `A-Z a-z 0-9 _ -`. */
export const isErrorId = (text: unknown): text is string => typeof text === "string" && errorId.test(text);

/** What an error code of this or a later release looks like. */
export const isCodeText = (text: unknown): text is string => typeof text === "string" && code.test(text);

/** Well-formed text without control characters, line breaks or changes of direction. May be empty. */
export const isPrintable = (text: unknown): text is string =>
  typeof text === "string" && (isShortAscii(text) || ascii.test(text) || (isWellFormed(text) && !unprintable.test(text)));

/** For a short text a loop is faster than an expression. */
function isShortAscii(text: string): boolean {
  if (text.length > shortMax) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
const shortMax = 64;

/** `text` as an error message may carry it: what is not printable becomes a space, and the rest is cut to 1 KiB of UTF-8. */
export function printable(text: string): string {
  const cut = text.slice(0, maxErrorTextBytes);
  let clean = Array.from(cut, (character) => (isPrintable(character) ? character : " ")).join("");
  while (encodeUtf8(clean).length > maxErrorTextBytes) clean = Array.from(clean).slice(0, -1).join("");
  return clean;
}
