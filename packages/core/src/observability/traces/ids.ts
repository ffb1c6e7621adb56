import type { Random } from "../../runtime/runtime.js";

const spanIdBytes = 8;
/** Ids of one draw: a call of `random` costs more than 8 bytes of it. */
const idsPerDraw = 32;

const digits = "0123456789abcdef";

/** Span ids: 16 lower-case hexadecimal characters, not all zero. */
export function createSpanIds(random: Random): () => string {
  const codes = new Array<number>(2 * spanIdBytes).fill(0);
  let pool: Uint8Array = new Uint8Array(0);
  let at = 0;
  return () => {
    for (;;) {
      if (at >= pool.length) {
        pool = random.bytes(idsPerDraw * spanIdBytes);
        at = 0;
      }
      let any = 0;
      for (let i = 0; i < spanIdBytes; i++) {
        const byte = pool[at++] as number;
        any |= byte;
        codes[2 * i] = digits.charCodeAt(byte >> 4);
        codes[2 * i + 1] = digits.charCodeAt(byte & 15);
      }
      // One call makes flat text.
      if (any !== 0) return String.fromCharCode.apply(null, codes);
    }
  };
}

/** The trace that begins with a message is named after it: 32 hexadecimal characters of its UUIDv7, of which 62 bits are random. */
export const traceIdOf = (messageId: string): string =>
  messageId.slice(0, 8) + messageId.slice(9, 13) + messageId.slice(14, 18) + messageId.slice(19, 23) + messageId.slice(24);

/** Of the trace that is named after it; of another one's id, no message's. */
export const messageIdOf = (traceId: string): string =>
  `${traceId.slice(0, 8)}-${traceId.slice(8, 12)}-${traceId.slice(12, 16)}-${traceId.slice(16, 20)}-${traceId.slice(20)}`;

/** It has hyphens where an id has them: one id and one trace id belong together. */
export const hasIdForm = (id: string): boolean =>
  id.length === 36 && id.charCodeAt(8) === hyphen && id.charCodeAt(13) === hyphen && id.charCodeAt(18) === hyphen && id.charCodeAt(23) === hyphen;
const hyphen = 45;

/** The same as `traceId === traceIdOf(messageId)`, without making that. What differs, differs at the end. */
export function isNamedAfter(traceId: string, messageId: string): boolean {
  let at = messageId.length;
  for (let i = traceId.length; i > 0; i--) {
    if (at === 24 || at === 19 || at === 14 || at === 9) at--;
    if (traceId.charCodeAt(i - 1) !== messageId.charCodeAt(--at)) return false;
  }
  return at === 0;
}

/** The span of a message that nobody samples: the last 8 bytes of its UUIDv7, never zero. */
export const spanIdOf = (messageId: string): string => messageId.slice(19, 23) + messageId.slice(24);

const digit = (code: number): number => (code < 58 ? code - 48 : code - 87);

/*
 * W3C Trace Context 2: the last 7 bytes of a trace id are random. As OpenTelemetry's consistent sampling does, a trace is sampled when these, as a
 * number, are not below the share of those left out: whoever has the same rate comes to the same verdict, and whoever has a higher one samples it, too.
 * 32 of the 56 bits do.
 */
const space = 2 ** 32;

/** `share`: 0 to 1, of all traces. */
export function isChosen(traceId: string, share: number): boolean {
  if (share >= 1) return true;
  let value = 0;
  for (let i = 18; i < 26; i++) value = value * 16 + digit(traceId.charCodeAt(i));
  return value >= (1 - share) * space;
}

/** The same for the trace that begins with this message. */
export function isMessageChosen(id: string, share: number): boolean {
  if (share >= 1) return true;
  const least = (1 - share) * space;
  let value = digit(id.charCodeAt(21)) * 16 + digit(id.charCodeAt(22));
  // Of most these two say it.
  if ((value + 1) * 2 ** 24 <= least) return false;
  for (let i = 24; i < 30; i++) value = value * 16 + digit(id.charCodeAt(i));
  return value >= least;
}
