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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse("The text is not JSON.");
  }
  if (!isJsonObject(value)) refuse("The JSON text is not an object.");
  // In JSON a colon outside of strings is a member. Of one that stands twice JSON.parse keeps the last, so what it made holds fewer.
  const members = text.replace(/"(?:[^"\\]|\\.)*"/g, "").split(":").length - 1;
  if (members > membersMax) refuse("The JSON text has too many members.");
  if (countMembers(value, depthMax) < members) refuse("The JSON text has the same member twice.");
  return value;
}

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

function countMembers(value: unknown, levels: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (levels === 0) refuse("The JSON text is nested too deeply.");
  if (Object.hasOwn(value, "__proto__")) refuse("The JSON text has a member that is never allowed.");
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const member of Object.values(value)) count += countMembers(member, levels - 1);
  return count;
}
