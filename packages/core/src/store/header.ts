import { decodeUtf8, encodeUtf8, fromBase64url, toBase64url } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import type { Random } from "../runtime/runtime.js";
import type { Sealing } from "./sealed.js";

/** Where the header lies; nothing else may be kept there. */
export const headerKey = "meta/state";

/** One opening of a store. What a peer remembers of it shows whether the store it sees later has a past that it knows. */
export interface StoreStart {
  /** Counts the openings from 1. */
  readonly incarnation: number;
  /** 22 base64url characters: drawn when the store was opened. */
  readonly nonce: string;
}

export interface Header {
  readonly id: string;
  /** The agent whose store it is; undefined until an agent has opened it. */
  readonly owner: string | undefined;
  readonly instance: string;
  readonly digestKey: Uint8Array;
  /** Newest first. */
  readonly starts: readonly StoreStart[];
}

const format = 1;
const startsKept = 16;
const idBytes = 16;
const digestKeyBytes = 32;
const incarnationMax = 2 ** 48;

const fresh = (random: Random): string => toBase64url(random.bytes(idBytes));

export const newHeader = (random: Random, owner: string | undefined): Header => ({
  id: fresh(random),
  owner,
  instance: fresh(random),
  digestKey: random.bytes(digestKeyBytes),
  starts: [{ incarnation: 1, nonce: fresh(random) }],
});

/** The same store, opened once more. Throws `invalid_argument` for another agent than before: it would send and answer what was another's. */
export function nextHeader(header: Header, random: Random, owner: string | undefined): Header {
  if (header.owner !== undefined && owner !== undefined && header.owner !== owner)
    throw new TightbeamError("invalid_argument", `The store is that of ${header.owner}, not of ${owner}: give each agent a store of its own.`);
  const incarnation = (header.starts[0]?.incarnation ?? 0) + 1;
  return { ...header, owner: header.owner ?? owner, starts: [{ incarnation, nonce: fresh(random) }, ...header.starts].slice(0, startsKept) };
}

/** u8 format | the header as JSON, sealed where the store is. The format stands outside: what it says may be how to open the rest. */
export function encodeHeader(header: Header, sealing: Sealing | undefined): Uint8Array {
  const { id, owner, instance, digestKey, starts } = header;
  const text = JSON.stringify({
    format,
    id,
    owner,
    instance,
    digestKey: toBase64url(digestKey),
    starts: starts.map(({ incarnation, nonce }) => [incarnation, nonce]),
  });
  const body = sealing === undefined ? encodeUtf8(text) : sealing.seal(headerKey, encodeUtf8(text));
  const out = new Uint8Array(1 + body.length);
  out[0] = format;
  out.set(body, 1);
  return out;
}

/** Throws `store_too_new` and `store_damaged`. */
export function decodeHeader(bytes: Uint8Array, sealing: Sealing | undefined): Header {
  const written = bytes[0] ?? 0;
  if (written > format)
    throw new TightbeamError("store_too_new", `The store has format ${written}, this version of Tightbeam knows ${format}: use the version that wrote it.`);
  if (written !== format) throw damaged();
  const body = bytes.subarray(1);
  const opened = sealing === undefined ? body : sealing.open(headerKey, body);
  try {
    return parse(JSON.parse(decodeUtf8(opened)));
  } catch (cause) {
    throw damaged(cause);
  }
}

function parse(value: unknown): Header {
  const { format: inside, id, owner, instance, digestKey, starts } = value as Record<string, unknown>;
  if (inside !== format || !Array.isArray(starts) || starts.length === 0 || starts.length > startsKept) throw damaged();
  if (owner !== undefined && typeof owner !== "string") throw damaged();
  let above = incarnationMax;
  return {
    id: text(id, idBytes),
    owner,
    instance: text(instance, idBytes),
    digestKey: fromBase64url(text(digestKey, digestKeyBytes)),
    starts: starts.map((start: unknown) => {
      const [incarnation, nonce] = start as [unknown, unknown];
      if (!Number.isSafeInteger(incarnation) || (incarnation as number) < 1 || (incarnation as number) >= above) throw damaged();
      above = incarnation as number;
      return { incarnation: above, nonce: text(nonce, idBytes) };
    }),
  };
}

/** Base64url of exactly so many bytes. */
function text(value: unknown, bytes: number): string {
  if (typeof value !== "string" || fromBase64url(value).length !== bytes) throw damaged();
  return value;
}

const damaged = (cause?: unknown): TightbeamError =>
  new TightbeamError("store_damaged", `The entry ${headerKey} is damaged: it is no header of a store. Restore the store from a copy.`, { cause });
