import { ascii, type Bytes, hex, join, L, L8, read, text, uint, utf8 } from "./bytes.js";

/** docs/protocol.md, section 7: the bytes of one message. What durable messages add is not spoken here. */

const types = ["", "request", "response", "notification", "event", "stream", "error"] as const;
export type EnvelopeType = Exclude<(typeof types)[number], "">;

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly id: string;
  readonly retryAfter?: number;
}

export interface Envelope {
  readonly type: EnvelopeType;
  /** UUIDs as 32 hexadecimal digits. */
  readonly id: string;
  readonly timestamp: number;
  /** 0 critical to 3 low. */
  readonly priority: number;
  readonly correlationId?: string;
  readonly ttl?: number;
  /** The method, or an event's topic. */
  readonly name?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly error?: WireError;
  readonly opening?: { readonly number: number; readonly credit: number };
  /** JSON text, or raw bytes. */
  readonly payload?: Bytes;
  readonly raw?: boolean;
}

const queues: readonly EnvelopeType[] = ["request", "notification", "event", "stream"];
/** Whether it takes intake credit (section 6.6). */
export const isIntake = (type: EnvelopeType): boolean => queues.includes(type);

export const json = (value: unknown): Bytes => utf8(JSON.stringify(value));
export const parseJson = (payload: Bytes | undefined): unknown => (payload === undefined ? undefined : JSON.parse(text(payload)));

const when = <T>(value: T | undefined, write: (value: T) => Bytes): Bytes => (value === undefined ? new Uint8Array() : write(value));
const bit = (flag: number, on: unknown): number => (on === undefined || on === false ? 0 : flag);

export function writeEnvelope(envelope: Envelope): Bytes {
  const { type, id, timestamp, priority, correlationId, ttl, name, headers, idempotencyKey, error, opening, payload, raw } = envelope;
  const flags = bit(0x01, correlationId) + bit(0x02, ttl) + bit(0x04, name) + bit(0x08, headers) + bit(0x10, idempotencyKey) + bit(0x20, error?.retryAfter);
  return join(
    uint(0x10 + types.indexOf(type), 1),
    uint(flags + bit(0x40, payload) + bit(0x80, raw) + priority * 256, 2),
    new Uint8Array(Buffer.from(id, "hex")),
    uint(timestamp, 6),
    when(correlationId, (each) => new Uint8Array(Buffer.from(each, "hex"))),
    when(ttl, (each) => uint(each, 4)),
    when(name, (each) => L8(ascii(each))),
    when(headers, (each) => {
      const entries = Object.entries(each);
      return join(uint(entries.length, 1), ...entries.map(([key, value]) => join(L8(ascii(key)), L(utf8(value)))));
    }),
    when(idempotencyKey, (each) => L8(ascii(each))),
    when(error, writeError),
    when(opening, ({ number, credit }) => join(uint(number, 4), uint(credit, 6))),
    payload ?? new Uint8Array(),
  );
}

export const writeError = ({ code, message, id, retryAfter }: WireError): Bytes =>
  join(
    L8(ascii(code)),
    L(utf8(message)),
    L8(ascii(id)),
    when(retryAfter, (each) => uint(each, 4)),
  );

export function readError(input: ReturnType<typeof read>, hasRetryAfter: boolean): WireError {
  const [code, message, id] = [text(input.l8()), text(input.l()), text(input.l8())];
  return { code, message, id, ...(hasRetryAfter ? { retryAfter: input.uint(4) } : {}) };
}

/** Throws for invalid_envelope. */
export function readEnvelope(bytes: Bytes): Envelope {
  const input = read(bytes);
  const first = input.uint(1);
  const flags = input.uint(2);
  const type = types[first & 15];
  if (first >> 4 !== 1 || type === undefined || type === "" || (flags & 0xfc00) !== 0) throw new Error("invalid_envelope");
  const has = <T>(flag: number, get: () => T): T | undefined => ((flags & flag) === 0 ? undefined : get());
  const [id, timestamp] = [hex(input.take(16)), input.uint(6)];
  const correlationId = has(0x01, () => hex(input.take(16)));
  const ttl = has(0x02, () => input.uint(4));
  const name = has(0x04, () => text(input.l8()));
  const headers = has(0x08, () => Object.fromEntries(Array.from({ length: input.uint(1) }, () => [text(input.l8()), text(input.l())])));
  const idempotencyKey = has(0x10, () => text(input.l8()));
  const error = type === "error" ? readError(input, (flags & 0x20) !== 0) : undefined;
  const opening = type === "stream" ? { number: input.uint(4), credit: input.uint(6) } : undefined;
  const payload = has(0x40, () => input.rest());
  input.end();
  const all = { correlationId, ttl, name, headers, idempotencyKey, error, opening, payload, raw: has(0x80, () => true) };
  const there = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return { type, id, timestamp, priority: (flags >> 8) & 3, ...there };
}
