import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EnvelopeHeader } from "../../src/envelope/types.js";
import { decodeEnvelope, decodeHeader, dropEnvelope, encodeEnvelope } from "../../src/envelope/wire.js";
import { isTightbeamError, type TightbeamError } from "../../src/errors.js";
import { anyHeader, event, failure, id, otherId, request, response } from "./samples.js";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const raw = (...bytes: number[]) => ({ kind: "bytes", bytes: Uint8Array.from(bytes) }) as const;
const full: EnvelopeHeader = {
  ...request,
  correlationId: otherId,
  ttl: 5_000,
  headers: { traceparent: "00-ab-cd-01", note: "grüße 😀" },
  idempotencyKey: "k-1",
};

function thrown(run: () => unknown): TightbeamError {
  try {
    run();
  } catch (error) {
    if (isTightbeamError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("the wire form", () => {
  test("is exactly the documented bytes", () => {
    const bytes = encodeEnvelope({ ...request, ttl: 258, headers: { a: "é" }, idempotencyKey: "k" }, raw(1, 2, 3));
    const hex = Buffer.from(bytes).toString("hex");
    expect(hex).toBe(
      [
        "11", // version 1, request
        "02de", // priority normal = 2; payload raw, present; key, headers, method, ttl
        "01978a526c007abc8def0123456789ab",
        "01977420dc00", // 1750000000000
        "00000102",
        `09${Buffer.from("summarize").toString("hex")}`,
        "01" + "0161" + "0002c3a9",
        "016b",
        "010203",
      ].join(""),
    );
  });

  test("a method may have a version, a topic never: also right after a method of that name", () => {
    const versioned = "search.find@2";
    const bytes = encodeEnvelope({ ...request, method: versioned });
    expect(decodeEnvelope(bytes).header.method).toBe(versioned);
    expect(thrown(() => encodeEnvelope({ ...request, method: `${"a".repeat(127)}@1` })).message).toContain("invalid at method");
    expect(thrown(() => encodeEnvelope({ ...event, topic: versioned })).message).toContain("invalid at topic");
    const forged = encodeEnvelope({ ...event, topic: "search.find-2" }).slice();
    forged[forged.indexOf(0x2d, 26)] = 0x40;
    expect(thrown(() => decodeEnvelope(forged)).message).toContain("invalid at topic");
    expect(decodeEnvelope(bytes).header.method).toBe(versioned);
  });

  test.each(["a@0", "a@01", "a@1234567890", "a@", "@1", "a@1@2", "a@1.b", "a@b", "a@-1", "a@1 ", "a@1\n"])("method %j is refused, both ways", (method) => {
    expect(thrown(() => encodeEnvelope({ ...request, method })).message).toContain("invalid at method");
    const bytes = encodeEnvelope({ ...request, method: "x".repeat(method.length) }).slice();
    bytes.set(utf8(method).subarray(0, method.length), 26);
    expect(thrown(() => decodeEnvelope(bytes)).message).toContain("invalid at method");
  });

  test("round trip of every kind of header with every kind of payload", () => {
    const payload = fc.option(fc.record({ kind: fc.constantFrom("json" as const, "bytes" as const), bytes: fc.uint8Array({ maxLength: 300 }) }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(anyHeader, payload, (header, some) => {
        const sent = header.type === "error" ? undefined : some;
        const bytes = encodeEnvelope(header, sent);
        const got = decodeEnvelope(bytes);
        expect(got).toEqual({ header, payload: sent });
        expect(decodeHeader(bytes)).toEqual(header);
        expect(encodeEnvelope(got.header, got.payload)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test("a large payload follows byte for byte", () => {
    const bytes = new Uint8Array(100_000).map((_, i) => i);
    expect(Buffer.compare(decodeEnvelope(encodeEnvelope(full, { kind: "bytes", bytes })).payload?.bytes as Uint8Array, bytes)).toBe(0);
  });

  test("no payload, empty bytes and JSON null are three things", () => {
    expect(decodeEnvelope(encodeEnvelope(request)).payload).toBeUndefined();
    expect(decodeEnvelope(encodeEnvelope(request, raw())).payload).toEqual(raw());
    expect(decodeEnvelope(encodeEnvelope(request, { kind: "json", bytes: utf8("null") })).payload?.kind).toBe("json");
  });

  test("what happens to header and payload afterwards is not seen", () => {
    const headers: Record<string, string> = { a: "1" };
    const payload = raw(1, 2, 3);
    const bytes = encodeEnvelope({ ...request, headers }, payload);
    headers.a = "2";
    payload.bytes.fill(9);
    const got = decodeEnvelope(bytes);
    expect(got.header.headers).toEqual({ a: "1" });
    expect([...(got.payload?.bytes ?? [])]).toEqual([1, 2, 3]);
  });

  test("an envelope that was dropped leaves its place to the next, and only if it was the last", () => {
    const payloads = [raw(1), raw(2), raw(3), raw(4)] as const;
    const [first, second] = [encodeEnvelope(request, payloads[0]), encodeEnvelope(request, payloads[1])];
    dropEnvelope(first);
    const third = encodeEnvelope(request, payloads[2]);
    expect([first, second, third].map((bytes) => decodeEnvelope(bytes).payload)).toEqual(payloads.slice(0, 3));
    dropEnvelope(third);
    const fourth = encodeEnvelope(request, payloads[3]);
    expect(fourth.byteOffset).toBe(third.byteOffset);
    expect([first, second, fourth].map((bytes) => decodeEnvelope(bytes).payload)).toEqual([payloads[0], payloads[1], payloads[3]]);
    const large = encodeEnvelope(request, { kind: "bytes", bytes: new Uint8Array(10_000).fill(5) });
    dropEnvelope(large);
    dropEnvelope(new Uint8Array(0));
    expect(encodeEnvelope(request, payloads[0]).byteOffset).toBeGreaterThan(fourth.byteOffset);
    expect(decodeEnvelope(large).payload?.bytes).toEqual(new Uint8Array(10_000).fill(5));
  });

  test("envelopes that share a slab do not touch one another", () => {
    const made = Array.from({ length: 1_000 }, (_, i) => encodeEnvelope({ ...request, timestamp: i }, { kind: "bytes", bytes: new Uint8Array(i).fill(i) }));
    for (const [i, bytes] of made.entries()) {
      const got = decodeEnvelope(bytes);
      expect(got.header.timestamp).toBe(i);
      expect(Buffer.compare(got.payload?.bytes as Uint8Array, new Uint8Array(i).fill(i))).toBe(0);
    }
  });

  test("headers whose getter encodes another envelope do not mix with it", () => {
    let inner: Uint8Array | undefined;
    const headers = {
      get a() {
        inner = encodeEnvelope({ ...event, topic: "inner" });
        return "outer";
      },
    };
    const outer = encodeEnvelope({ ...request, headers });
    expect(decodeEnvelope(outer).header.headers).toEqual({ a: "outer" });
    expect(decodeEnvelope(inner as Uint8Array).header.topic).toBe("inner");
  });

  test("headers of every length and kind of text arrive, and what is not printable is refused on both sides", () => {
    for (const length of [0, 1, 63, 64, 65, 200]) {
      for (const text of ["a".repeat(length), `${"a".repeat(length)}é`, `${"a".repeat(length)}~ `]) {
        const headers = { a: text, ab: text, "a-b": "x" };
        expect({ ...decodeEnvelope(encodeEnvelope({ ...request, headers })).header.headers }).toEqual(headers);
      }
      for (const wrong of ["\n", "\x7f", "\u0085"]) {
        const text = "a".repeat(length) + wrong;
        expect(thrown(() => encodeEnvelope({ ...request, headers: { a: text } }))).toMatchObject({ code: "invalid_envelope" });
        const bytes = encodeEnvelope({ ...request, headers: { a: "a".repeat(length) + "b".repeat(utf8(wrong).length) } });
        bytes.set(utf8(wrong), bytes.length - utf8(wrong).length);
        expect(thrown(() => decodeEnvelope(bytes))).toMatchObject({ code: "invalid_envelope" });
      }
    }
  });

  test("headers inherit nothing", () => {
    const { headers } = decodeEnvelope(encodeEnvelope({ ...request, headers: { a: "1" } })).header;
    expect(headers?.toString).toBeUndefined();
    expect(headers?.constructor).toBeUndefined();
    expect("__proto__" in (headers ?? {})).toBe(false);
  });

  test("a code of a later release reads as handler_failed", () => {
    const bytes = encodeEnvelope({ ...failure, error: { code: "quota_spent" as "failed", message: "m", id: "i" } });
    expect(decodeEnvelope(bytes).header.error).toEqual({ code: "handler_failed", message: "m", id: "i" });
  });

  test("the header is there from the first bytes, and every cut before its end is refused", () => {
    for (const header of [
      full,
      event,
      response,
      { ...failure, ttl: 1, headers: { a: "b" }, error: { code: "overloaded", message: "later", id: "x", retryAfter: 9 } } as const,
    ]) {
      const bytes = encodeEnvelope(header);
      expect(decodeHeader(Uint8Array.from([...bytes, 1, 2, 3]))).toEqual(header);
      for (let length = 0; length < bytes.length; length++) {
        expect(thrown(() => decodeHeader(bytes.subarray(0, length))).code).toBe("invalid_envelope");
      }
    }
  });
});

/** The envelope of `request`, which has nothing but a method, with some bytes replaced. */
const patched = (at: number, ...bytes: number[]): Uint8Array => {
  const out = new Uint8Array(encodeEnvelope(request, raw(0)));
  out.set(bytes, at);
  return out;
};
/** Everything up to the variable part, then `rest`. */
const withRest = (type: number, flags: number, ...rest: (number[] | Uint8Array | string)[]): Uint8Array => {
  const start = new Uint8Array(encodeEnvelope(request)).subarray(0, 25);
  start[0] = 0x10 | type;
  start[1] = flags >> 8;
  start[2] = flags;
  return Uint8Array.from([...start, ...rest.flatMap((part) => [...(typeof part === "string" ? utf8(part) : part)])]);
};
const l8 = (text: string): number[] => [utf8(text).length, ...utf8(text)];
const l16 = (text: string): number[] => [utf8(text).length >> 8, utf8(text).length & 255, ...utf8(text)];
const cid = [...new Uint8Array(encodeEnvelope(response)).subarray(25, 41)];
const method = l8("m");

describe("bytes that are refused", () => {
  const cases: { name: string; bytes: Uint8Array; path: string }[] = [
    { name: "nothing", bytes: new Uint8Array(0), path: "header" },
    { name: "24 bytes", bytes: encodeEnvelope(request).subarray(0, 24), path: "header" },
    { name: "version 0", bytes: patched(0, 0x01), path: "version" },
    { name: "version 15", bytes: patched(0, 0xf1), path: "version" },
    { name: "type 0", bytes: patched(0, 0x10), path: "type" },
    { name: "type 7", bytes: patched(0, 0x17), path: "type" },
    { name: "unknown flag 0x0800", bytes: patched(1, 0x0a, 0x44), path: "flags" },
    { name: "flag 0x0400 on a request", bytes: patched(1, 0x06, 0x44), path: "durable" },
    { name: "unknown flag 0x8000", bytes: patched(1, 0x82, 0x44), path: "flags" },
    { name: "raw without payload", bytes: withRest(1, 0x84, method), path: "flags" },
    { name: "bytes left without payload", bytes: withRest(1, 0x04, method, [0]), path: "payload" },
    { name: "id of another version", bytes: patched(9, 0x4a), path: "id" },
    { name: "id of another variant", bytes: patched(11, 0xcd), path: "id" },
    { name: "correlation id of another version", bytes: withRest(2, 0x01, new Uint8Array(16)), path: "correlationId" },
    { name: "request without method", bytes: withRest(1, 0x00), path: "method" },
    { name: "notification without method", bytes: withRest(3, 0x00), path: "method" },
    { name: "event without topic", bytes: withRest(4, 0x00), path: "topic" },
    { name: "stream without method", bytes: withRest(5, 0x00, new Uint8Array(10)), path: "method" },
    { name: "stream without its opening", bytes: withRest(5, 0x04, method), path: "stream" },
    { name: "stream whose opening ends early", bytes: withRest(5, 0x04, method, new Uint8Array(9)), path: "stream" },
    { name: "stream with bytes after its opening", bytes: withRest(5, 0x04, method, new Uint8Array(11)), path: "payload" },
    { name: "response without correlation", bytes: withRest(2, 0x00), path: "correlationId" },
    { name: "response with method", bytes: withRest(2, 0x05, cid, method), path: "method" },
    { name: "response with idempotency key", bytes: withRest(2, 0x11, cid, l8("k")), path: "idempotencyKey" },
    { name: "error without correlation", bytes: withRest(6, 0x00, l8("failed"), l16(""), l8("i")), path: "correlationId" },
    { name: "error with payload", bytes: withRest(6, 0x41, cid, l8("failed"), l16(""), l8("i")), path: "payload" },
    { name: "retry after without error", bytes: withRest(1, 0x24, method, [0, 0, 0, 1]), path: "error.retryAfter" },
    { name: "empty method", bytes: withRest(1, 0x04, [0]), path: "method" },
    { name: "method of 129", bytes: withRest(1, 0x04, l8("m".repeat(129))), path: "method" },
    { name: "method longer than what is left", bytes: withRest(1, 0x04, [5], "mm"), path: "method" },
    ...[
      "a b",
      "a\r\nb",
      "a\tb",
      "\0",
      "\x1b[31m",
      "a..b",
      ".a",
      "a.",
      "a/",
      ">",
      "*",
      "a.*",
      "$SYS",
      "__proto__",
      "a.__proto__",
      "-a",
      "é",
      "ａ",
      "a\u200b",
      "\u202ea",
    ].map((name) => ({
      name: `method ${JSON.stringify(name)}`,
      bytes: withRest(1, 0x04, l8(name)),
      path: "method",
    })),
    { name: "topic with CR LF", bytes: withRest(4, 0x04, l8("a\r\nPUB x")), path: "topic" },
    { name: "method of invalid UTF-8", bytes: withRest(1, 0x04, [2, 0x61, 0xff]), path: "method" },
    { name: "no headers", bytes: withRest(1, 0x0c, method, [0]), path: "headers" },
    { name: "33 headers", bytes: withRest(1, 0x0c, method, [33], ...Array.from({ length: 33 }, (_, i) => [...l8(`h${i}`), ...l16("")])), path: "headers" },
    { name: "fewer headers than announced", bytes: withRest(1, 0x0c, method, [2], l8("a"), l16("1")), path: "headers" },
    { name: "header given twice", bytes: withRest(1, 0x0c, method, [2], l8("a"), l16("1"), l8("a"), l16("2")), path: "headers.a" },
    ...["", "A", "a b", "a\n", "a:b", "__proto__", "constructor", "-a", "é", "x".repeat(65)].map((name) => ({
      name: `header name ${JSON.stringify(name.slice(0, 12))}`,
      bytes: withRest(1, 0x0c, method, [1], l8(name), l16("v")),
      path: "headers",
    })),
    ...["a\nb", "\0", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\u202eabc", "\u2066"].map((value) => ({
      name: `header value ${JSON.stringify(value)}`,
      bytes: withRest(1, 0x0c, method, [1], l8("a"), l16(value)),
      path: "headers",
    })),
    { name: "header value of invalid UTF-8", bytes: withRest(1, 0x0c, method, [1], l8("a"), [0, 1, 0xff]), path: "headers" },
    { name: "header value with an overlong form", bytes: withRest(1, 0x0c, method, [1], l8("a"), [0, 2, 0xc0, 0xaf]), path: "headers" },
    { name: "header value with a surrogate", bytes: withRest(1, 0x0c, method, [1], l8("a"), [0, 3, 0xed, 0xa0, 0x80]), path: "headers" },
    { name: "headers over 8 KiB", bytes: withRest(1, 0x0c, method, [2], l8("a"), l16("x".repeat(5_000)), l8("b"), l16("x".repeat(5_000))), path: "headers" },
    { name: "empty idempotency key", bytes: withRest(1, 0x14, method, [0]), path: "idempotencyKey" },
    { name: "idempotency key of 129", bytes: withRest(1, 0x14, method, l8("k".repeat(129))), path: "idempotencyKey" },
    { name: "idempotency key with a space", bytes: withRest(1, 0x14, method, l8("a b")), path: "idempotencyKey" },
    { name: "idempotency key with ESC", bytes: withRest(1, 0x14, method, l8("a\x1b")), path: "idempotencyKey" },
    { name: "error code in upper case", bytes: withRest(6, 0x01, cid, l8("FAILED"), l16(""), l8("i")), path: "error.code" },
    { name: "error code __proto__", bytes: withRest(6, 0x01, cid, l8("__proto__"), l16(""), l8("i")), path: "error.code" },
    { name: "error message over 1 KiB", bytes: withRest(6, 0x01, cid, l8("failed"), l16("x".repeat(1_025)), l8("i")), path: "error.message" },
    { name: "error message with ESC", bytes: withRest(6, 0x01, cid, l8("failed"), l16("\x1b[2J"), l8("i")), path: "error.message" },
    { name: "error without id", bytes: withRest(6, 0x01, cid, l8("failed"), l16("x"), [0]), path: "error.id" },
    { name: "error id with LF", bytes: withRest(6, 0x01, cid, l8("failed"), l16("x"), l8("a\n")), path: "error.id" },
    { name: "error followed by more", bytes: withRest(6, 0x01, cid, l8("failed"), l16("x"), l8("i"), [1]), path: "payload" },
  ];
  test.each(cases)("$name", ({ bytes, path }) => {
    const error = thrown(() => decodeEnvelope(bytes));
    expect(error.code).toBe("invalid_envelope");
    expect(error.message).toContain(`invalid at ${path}:`);
    expect(error.message.length).toBeLessThan(140);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must be absent
    expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(decodeEnvelope(encodeEnvelope(full, raw(1)))).toEqual({ header: full, payload: raw(1) });
  });

  test("TM-70 any bytes give an envelope or invalid_envelope", () => {
    const start = fc.tuple(fc.constantFrom(0x11, 0x12, 0x13, 0x14, 0x15, 0x16), fc.constantFrom(0, 1, 2, 3), fc.nat(255)).map((head) => Uint8Array.from(head));
    const any = fc.tuple(start, fc.uint8Array({ maxLength: 120 })).map(([head, tail]) => {
      const bytes = Uint8Array.from([...head, ...tail]);
      if (bytes.length > 11) {
        bytes[9] = 0x7a;
        bytes[11] = 0x80;
      }
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(any, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        try {
          const { header, payload } = decodeEnvelope(bytes);
          expect(decodeEnvelope(encodeEnvelope(header, payload))).toEqual({ header, payload });
        } catch (error) {
          expect(isTightbeamError(error) && error.code).toBe("invalid_envelope");
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("every single bit flipped gives another envelope or invalid_envelope", () => {
    const bytes = new Uint8Array(encodeEnvelope(full, raw(1, 2, 3)));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = Uint8Array.from(bytes);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      try {
        expect(decodeEnvelope(copy)).not.toEqual(decodeEnvelope(bytes));
      } catch (error) {
        if (!isTightbeamError(error)) throw error;
        expect(error.code).toBe("invalid_envelope");
      }
    }
  });

  test("64 MiB of 0xff is refused at its first byte", () => {
    const bytes = new Uint8Array(64 * 1024 * 1024).fill(0xff);
    const begin = performance.now();
    expect(thrown(() => decodeEnvelope(bytes)).code).toBe("invalid_envelope");
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

test("names that came before never stand for others, however alike", () => {
  const names = ["take", "tale", "fake", "t.ke", "taken", "tak", "TAKE", "a", "aa", "a".repeat(128), `b${"a".repeat(127)}`];
  for (let round = 0; round < 3; round++) for (const name of names) expect(decodeHeader(encodeEnvelope({ ...request, method: name })).method).toBe(name);
  const bytes = Uint8Array.from(encodeEnvelope({ ...request, method: "take" }));
  for (let cut = 0; cut < bytes.length; cut++) expect(() => decodeHeader(bytes.subarray(0, cut))).toThrow();
});

describe("headers that are not sent", () => {
  const bad = (change: object, from: EnvelopeHeader = request): EnvelopeHeader => ({ ...from, ...change }) as EnvelopeHeader;
  const cases: { name: string; header: EnvelopeHeader; path: string; payload?: ReturnType<typeof raw> }[] = [
    { name: "type __proto__", header: bad({ type: "__proto__" }), path: "type" },
    { name: "unknown type", header: bad({ type: "hello" }), path: "type" },
    { name: "priority __proto__", header: bad({ priority: "__proto__" }), path: "priority" },
    { name: "priority 1e9", header: bad({ priority: 1e9 }), path: "priority" },
    { name: "id in upper case", header: bad({ id: id.toUpperCase() }), path: "id" },
    { name: "id of 1 MB", header: bad({ id: "a".repeat(1_000_000) }), path: "id" },
    { name: "id that is no text", header: bad({ id: 5 }), path: "id" },
    { name: "correlation id", header: bad({ correlationId: "x" }), path: "correlationId" },
    ...[-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 48, "1", 2 ** 53 + 2].map((timestamp) => ({
      name: `timestamp ${timestamp}`,
      header: bad({ timestamp }),
      path: "timestamp",
    })),
    ...[-1, 0.5, Number.NaN, 2 ** 32, "9"].map((ttl) => ({ name: `ttl ${ttl}`, header: bad({ ttl }), path: "ttl" })),
    { name: "method with CR LF", header: bad({ method: "a\r\nb" }), path: "method" },
    { name: "method that is no text", header: bad({ method: 5 }), path: "method" },
    { name: "no method", header: bad({ method: undefined }), path: "method" },
    { name: "method and topic", header: bad({ topic: "t" }), path: "topic" },
    { name: "event with a method", header: bad({ method: "m" }, event), path: "method" },
    { name: "response without correlation id", header: bad({ correlationId: undefined }, response), path: "correlationId" },
    { name: "error without error", header: bad({ error: undefined }, failure), path: "error" },
    { name: "request with error", header: bad({ error: failure.error }), path: "error" },
    { name: "error with payload", header: failure, payload: raw(1), path: "payload" },
    { name: "error message with LF", header: bad({ error: { ...failure.error, message: "a\nb" } }, failure), path: "error.message" },
    { name: "error message over 1 KiB", header: bad({ error: { ...failure.error, message: "é".repeat(600) } }, failure), path: "headers" },
    { name: "error code", header: bad({ error: { ...failure.error, code: "Nope!" } }, failure), path: "error.code" },
    { name: "retryAfter -1", header: bad({ error: { ...failure.error, retryAfter: -1 } }, failure), path: "error.retryAfter" },
    { name: "idempotency key that is a number", header: bad({ idempotencyKey: 7 }), path: "idempotencyKey" },
    { name: "headers null", header: bad({ headers: null }), path: "headers" },
    { name: "headers in an array", header: bad({ headers: ["a"] }), path: "headers" },
    { name: "headers in a Map", header: bad({ headers: new Map([["a", "b"]]) }), path: "headers" },
    { name: "33 headers", header: bad({ headers: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`h${i}`, ""])) }), path: "headers" },
    { name: "header __proto__", header: bad({ headers: JSON.parse('{"__proto__":"x"}') }), path: "headers" },
    { name: "header constructor", header: bad({ headers: { constructor: "x" } }), path: "headers" },
    { name: "header toString", header: bad({ headers: { toString: "x" } }), path: "headers" },
    { name: "header value that is a number", header: bad({ headers: { a: 1 } }), path: "headers.a" },
    { name: "header value with LF", header: bad({ headers: { a: "b\n" } }), path: "headers.a" },
    { name: "header value with a lone surrogate", header: bad({ headers: { a: "\ud800" } }), path: "headers.a" },
    { name: "headers over 8 KiB", header: bad({ headers: { a: "x".repeat(9_000) } }), path: "headers" },
    { name: "headers over 8 KiB in UTF-8 only", header: bad({ headers: { a: "漢".repeat(3_000) } }), path: "headers" },
  ];
  test.each(cases)("$name", ({ header, payload, path }) => {
    const error = thrown(() => encodeEnvelope(header, payload));
    expect(error.code).toBe("invalid_envelope");
    expect(error.message).toContain(`invalid at ${path}:`);
    expect(decodeEnvelope(encodeEnvelope(full, raw(1)))).toEqual({ header: full, payload: raw(1) });
  });

  test("the largest headers that fit arrive", () => {
    const header = { ...request, headers: { a: "x".repeat(8_192 - 25 - 10 - 1 - 2 - 2) } };
    expect(decodeEnvelope(encodeEnvelope(header, raw(1))).header).toEqual(header);
    expect(thrown(() => encodeEnvelope({ ...header, headers: { a: `${header.headers.a}x` } })).code).toBe("invalid_envelope");
  });
});
