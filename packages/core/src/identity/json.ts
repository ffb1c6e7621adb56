import { TightbeamError } from "../errors.js";

export type JsonObject = Readonly<Record<string, unknown>>;

const depthMax = 32;
const membersMax = 4_096;

function refuse(what: string): never {
  throw new TightbeamError("malformed", what);
}

/**
 * JSON text that is one object. Stricter than JSON.parse: a member name may occur once in its object (RFC 8259, 4, leaves it open, and
 * two readers may then see two values), `__proto__` is refused, depth is at most 32, members at most 4,096. The caller bounds the size.
 * Throws `malformed`, never quoting the text.
 */
export function parseJsonObject(text: string): JsonObject {
  checkStructure(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("The text is not JSON.");
  }
  return isJsonObject(value) ? value : refuse("The JSON text is not an object.");
}

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/** One pass, no recursion. Text that is not JSON may pass here: JSON.parse refuses it afterwards. */
function checkStructure(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      const end = stringEnd(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end + 1)) {
        if (++members > membersMax) refuse("The JSON text has too many members.");
        checkName(text.slice(at, end + 1), names);
      }
      at = end;
    } else if (char === "{" || char === "[") {
      if (open.length === depthMax) refuse("The JSON text is nested too deeply.");
      open.push(char === "{" ? new Set() : undefined);
    } else if (char === "}" || char === "]") open.pop();
  }
}

function checkName(quoted: string, names: Set<string>): void {
  let name: string;
  try {
    name = JSON.parse(quoted) as string;
  } catch {
    refuse("The text is not JSON.");
  }
  if (names.has(name)) refuse("The JSON text has the same member twice.");
  if (name === "__proto__") refuse("The JSON text has a member that is never allowed.");
  names.add(name);
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return refuse("The text is not JSON.");
}

/** A string is a member's name when a colon follows: in JSON nowhere else does one. */
function isName(text: string, from: number): boolean {
  let at = from;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at++;
  return text[at] === ":";
}
