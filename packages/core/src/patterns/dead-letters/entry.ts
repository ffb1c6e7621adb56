import { concat, decodeUtf8, encodeUtf8 } from "../../bytes.js";
import { isMethodName, isPrintable } from "../../envelope/grammar.js";
import type { Priority } from "../../envelope/types.js";
import { isErrorCode, TightbeamError } from "../../errors.js";
import { numberKey } from "../../store/keys.js";
import { isAgentId } from "../../transport/address.js";
import type { DeadLetter, LetterPeer, NewDeadLetter } from "./types.js";

/*
 * A letter has two entries, so that the first look at ten thousand letters reads none of their messages:
 *   dead/head/<u48 hex>   u8 1, JSON of DeadLetter
 *   dead/body/<u48 hex>   u8 1, u32 length, JSON of the sender or nothing, the envelope
 */

export const headPrefix = "dead/head/";
export const headKey = (number: number): string => headPrefix + numberKey(number);
export const bodyKey = (number: number): string => `dead/body/${numberKey(number)}`;

const version = 1;

/** Its id is its key's. */
export const encodeHead = (letter: DeadLetter): Uint8Array => concat(Uint8Array.of(version), encodeUtf8(JSON.stringify({ ...letter, id: undefined })));

/** What every entry is checked for: a store's bytes may be of another release. */
const shape: Readonly<Record<Exclude<keyof DeadLetter, "id">, (value: unknown) => boolean>> = {
  reason: isErrorCode,
  cause: isPrintable,
  side: (value) => value === "sender" || value === "receiver",
  peer: isAgentId,
  method: (value) => value === "" || isMethodName(value),
  messageId: (value) => value === undefined || typeof value === "string",
  priority: (value) => ["critical", "high", "normal", "low"].includes(value as Priority),
  attempts: isCount,
  firstAt: isCount,
  lastAt: isCount,
  bytes: isCount,
  kept: (value) => typeof value === "boolean",
};

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Throws `store_damaged`. */
export function decodeHead(id: string, bytes: Uint8Array): DeadLetter {
  const given = bytes[0] === version ? json(bytes.subarray(1)) : undefined;
  if (typeof given !== "object" || given === null) throw damaged(id);
  const fields = given as Record<string, unknown>;
  const letter: Record<string, unknown> = { id };
  for (const [name, fits] of Object.entries(shape)) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!fits(value)) throw damaged(id);
    letter[name] = value;
  }
  return letter as unknown as DeadLetter;
}

export function encodeBody({ sender, envelope }: Pick<NewDeadLetter, "sender" | "envelope">): Uint8Array {
  const about = sender === undefined ? new Uint8Array(0) : encodeUtf8(JSON.stringify(sender));
  const head = new Uint8Array(5);
  head[0] = version;
  new DataView(head.buffer).setUint32(1, about.length);
  return concat(head, about, envelope ?? new Uint8Array(0));
}

export interface LetterBody {
  readonly sender: LetterPeer | undefined;
  readonly envelope: Uint8Array;
}

/** Throws `store_damaged`. */
export function decodeBody(id: string, bytes: Uint8Array): LetterBody {
  if (bytes[0] !== version || bytes.length < 5) throw damaged(id);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(1);
  if (5 + length > bytes.length) throw damaged(id);
  const sender = length === 0 ? undefined : json(bytes.subarray(5, 5 + length));
  if (sender !== undefined && !isLetterPeer(sender)) throw damaged(id);
  return { sender, envelope: bytes.slice(5 + length) };
}

function isLetterPeer(value: unknown): value is LetterPeer {
  if (typeof value !== "object" || value === null) return false;
  const { instance, issuer, thumbprint, permissions, jti, issuerKey, issuedAt, expiresAt } = value as Record<string, unknown>;
  const texts = [instance, issuer, thumbprint, jti, ...(Array.isArray(permissions) ? permissions : [undefined])];
  return (
    texts.every((text) => typeof text === "string") && (issuerKey === undefined || typeof issuerKey === "string") && isCount(issuedAt) && isCount(expiresAt)
  );
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}

const damaged = (id: string): TightbeamError =>
  new TightbeamError("store_damaged", `The dead letter ${id} cannot be read: it is damaged, or of another release. It stays in the store.`);
