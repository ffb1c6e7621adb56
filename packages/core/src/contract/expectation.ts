const plain = "does not match the schema";
const messageMax = 1_000;
const shownMax = 120;
const partsMax = 10_000;
const optionsMax = 240;
const more = "…";
/** Ends with a list, or with one of it; numbers in it are still there. */
const listed = /^(.*?)…[^\s…]*$/u;

/** What an issue may say beside its message: zod lists what it would have taken. */
export interface RefusedBy {
  readonly message?: unknown;
  readonly values?: unknown;
  readonly options?: unknown;
}

/** The message of an issue as far as it may be shown, with what zod would have taken instead: that is of the schema, and says nothing of the input. */
export function expectationOf(issue: RefusedBy | undefined, vendor: string, keys: readonly PropertyKey[], value: unknown): string {
  const text = expectation(issue?.message, value);
  const options = vendor === "zod" ? optionsOf(issue?.values ?? issue?.options) : undefined;
  if (options === undefined) return text;
  const before = text === plain ? "expected one of " : listed.exec(text)?.[1];
  if (before === undefined) return text;
  try {
    // A refinement may list whatever it likes.
    if (holdsPartOf(options.toLowerCase(), valueAt(value, keys), { left: partsMax }, 0)) return text;
  } catch {
    return text;
  }
  return before + options;
}

/** As many as there is room for. */
function optionsOf(values: unknown): string | undefined {
  if (!Array.isArray(values) || values.length === 0) return undefined;
  let text = "";
  for (const value of values as unknown[]) {
    if (typeof value === "object" ? value !== null : typeof value === "symbol" || typeof value === "function") return undefined;
    const next = `${text === "" ? "" : " | "}${typeof value === "string" ? JSON.stringify(value) : String(value)}`;
    if (text.length + next.length > optionsMax) return text === "" ? undefined : `${text} | ${more}`;
    text += next;
  }
  return text;
}

const valueAt = (value: unknown, keys: readonly PropertyKey[]): unknown =>
  keys.reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined), value);

/**
 * The part of a schema library's message that says what belongs there. Messages may repeat what was received ("received 5",
 * `(was "x")`, `Unrecognized key: "x"`, or a custom text that interpolates it), so the text ends before the received part, what
 * stands between the first and the last quote becomes `…`, and a text that still holds any value of the input, or is longer than
 * 1,000 characters, is not shown at all. Keys on the way are not secret: the path names them.
 */
function expectation(message: unknown, value: unknown): string {
  if (typeof message !== "string" || message.length > messageMax) return plain;
  const text = message
    .split(/[\s,;(]*\b(?:but\s+)?(?:received|was|got|instead of)\b/i, 1)
    .join("")
    .replace(/".*"|".*|`.*`|`.*|(?<!\p{L})'.*'|(?<!\p{L})'.*/gsu, more)
    .replace(/[^\p{L}\p{N}\p{P}\p{S}]+/gu, " ")
    .trim();
  try {
    if (text === "" || holdsPartOf(text.toLowerCase(), value, { left: partsMax }, 0)) return plain;
  } catch {
    // Reading the input threw.
    return plain;
  }
  return text.slice(0, shownMax).replace(/[.\s]+$/, "");
}

function holdsPartOf(text: string, value: unknown, budget: { left: number }, depth: number): boolean {
  if (--budget.left < 0 || depth > 16) return true;
  if (typeof value === "object" && value !== null) {
    if (ArrayBuffer.isView(value)) return false;
    return Object.values(value).some((member) => holdsPartOf(text, member, budget, depth + 1));
  }
  return (typeof value === "string" || typeof value === "number" || typeof value === "bigint") && mentions(text, String(value));
}

/** Four characters and more anywhere; fewer as a word of their own. */
function mentions(text: string, part: string): boolean {
  const wanted = part.trim().toLowerCase();
  if (wanted === "") return false;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (wanted.length >= 4 || !(isWord(text[at - 1]) || isWord(text[at + wanted.length]))) return true;
  }
  return false;
}

const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}_]/u.test(character);
