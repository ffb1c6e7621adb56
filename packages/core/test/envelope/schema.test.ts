import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Envelope, envelopeToJson, parseEnvelope } from "../../src/envelope/index.js";
import { isTightbeamError } from "../../src/errors.js";
import { anyHeader, event, failure, otherId, request, response } from "./samples.js";

const who = { version: 1, from: "acme/alice", to: "bob" } as const;
const json = { ...who, ...request, payload: { text: "hello" } };
const overText = (envelope: Envelope): Envelope => parseEnvelope(JSON.parse(JSON.stringify(envelopeToJson(envelope))));

describe("the JSON form", () => {
  test("marks bytes apart from JSON, also from JSON that looks like them", () => {
    expect(envelopeToJson({ ...who, ...request, payload: new Uint8Array([255, 254]) })).toEqual({ ...who, ...request, payloadBytes: "__4" });
    const lookalike = { payloadBytes: "__4" };
    expect(envelopeToJson({ ...who, ...request, payload: lookalike })).toEqual({ ...who, ...request, payload: lookalike });
    expect(overText({ ...who, ...request, payload: lookalike }).payload).toEqual(lookalike);
  });

  test.each([undefined, null, "", 0, false, [], {}, new Uint8Array(0)])("payload %o comes back as it was", (payload) => {
    const envelope: Envelope = payload === undefined ? { ...who, ...request } : { ...who, ...request, payload };
    expect(overText(envelope)).toStrictEqual(envelope);
  });

  test("round trip of every kind of envelope", () => {
    const payload = fc.oneof(
      fc.constant(undefined),
      fc.uint8Array({ maxLength: 50 }),
      fc
        .jsonValue({ maxDepth: 3 })
        .filter((value) => !JSON.stringify(value).includes("__proto__"))
        // JSON has one zero: -0, at whatever depth, comes back as 0.
        .map((value) => JSON.parse(JSON.stringify(value)) as unknown),
    );
    fc.assert(
      fc.property(anyHeader, payload, (header, some) => {
        const envelope: Envelope = some === undefined || header.type === "error" ? { ...who, ...header } : { ...who, ...header, payload: some };
        expect(overText(envelope)).toEqual(envelope);
      }),
      { numRuns: 300 },
    );
  });

  test("neither direction shares anything with what it was given", () => {
    const headers: Record<string, string> = { a: "1" };
    const payload = { list: [1] };
    const made = envelopeToJson({ ...who, ...request, headers, payload });
    const parsed = parseEnvelope(made);
    headers.a = "2";
    payload.list.push(2);
    (made.payload as typeof payload).list.push(3);
    expect(made).toMatchObject({ headers: { a: "1" }, payload: { list: [1, 3] } });
    expect(parsed).toMatchObject({ headers: { a: "1" }, payload: { list: [1] } });
  });
});

describe("values that are refused", () => {
  const without = (field: string): object => Object.fromEntries(Object.entries(json).filter(([key]) => key !== field));
  const deep = JSON.parse("[".repeat(5_000) + "]".repeat(5_000));
  const veryDeep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
  const cases: { name: string; value: unknown; path: string }[] = [
    ...[null, undefined, 1, "text", true, [], [json], new Map(), new Date(0), () => json, Object("boxed")].map((value) => ({
      name: `no object: ${String(value).slice(0, 20)}`,
      value,
      path: "envelope",
    })),
    { name: "class instance", value: Object.assign(new (class Thing {})(), json), path: "envelope" },
    { name: "fields inherited only", value: Object.create(json), path: "envelope" },
    { name: "empty object", value: {}, path: "type" },
    ...["version", "type", "id", "timestamp", "from", "to", "priority", "method"].map((field) => ({
      name: `without ${field}`,
      value: without(field),
      path: field,
    })),
    { name: "discriminator __proto__", value: { ...json, type: "__proto__" }, path: "type" },
    { name: "discriminator constructor", value: { ...json, type: "constructor" }, path: "type" },
    { name: "unknown kind", value: { ...json, type: "hello" }, path: "type" },
    { name: "type in an array", value: { ...json, type: ["request"] }, path: "type" },
    { name: "version 2", value: { ...json, version: 2 }, path: "version" },
    { name: "version as text", value: { ...json, version: "1" }, path: "version" },
    { name: "extra field", value: { ...json, extra: 1 }, path: "envelope" },
    ...["__proto__", "constructor", "toString", "prototype"].map((key) => ({
      name: `own key ${key}`,
      value: JSON.parse(`{"${key}":{"polluted":1},${JSON.stringify(json).slice(1)}`),
      path: "envelope",
    })),
    { name: "id in upper case", value: { ...json, id: json.id.toUpperCase() }, path: "id" },
    { name: "id with a lone surrogate", value: { ...json, id: "\ud800" }, path: "id" },
    { name: "id of 1 MB", value: { ...json, id: "a".repeat(1_000_000) }, path: "id" },
    ...["", "a b", "alice\n", "ａlice", "\u202ealice", "a/b/c", "x".repeat(65), "a\u200bb"].map((from) => ({
      name: `from ${JSON.stringify(from).slice(0, 20)}`,
      value: { ...json, from },
      path: "from",
    })),
    ...[Number("1e999"), -1, 1.5, 2 ** 48, "1", Number.NaN, null].map((timestamp) => ({
      name: `timestamp ${timestamp}`,
      value: { ...json, timestamp },
      path: "timestamp",
    })),
    ...[-1, 2 ** 32, 0.1, "5", null].map((ttl) => ({ name: `ttl ${ttl}`, value: { ...json, ttl }, path: "ttl" })),
    ...[0, "urgent", "__proto__", null].map((priority) => ({ name: `priority ${priority}`, value: { ...json, priority }, path: "priority" })),
    { name: "method with CR LF", value: { ...json, method: "a\r\nb" }, path: "method" },
    { name: "topic on a request", value: { ...json, topic: "t" }, path: "envelope" },
    { name: "topic with a wildcard", value: { ...who, ...event, topic: "a.*" }, path: "topic" },
    { name: "stream without method", value: { ...without("method"), type: "stream", stream: { number: 1, credit: 2 } }, path: "method" },
    { name: "stream without its opening", value: { ...json, type: "stream" }, path: "stream" },
    { name: "stream with more in its opening", value: { ...json, type: "stream", stream: { number: 1, credit: 2, more: 3 } }, path: "stream" },
    ...[-1, 2 ** 32, 0.5, "1"].map((number) => ({
      name: `stream number ${number}`,
      value: { ...json, type: "stream", stream: { number, credit: 2 } },
      path: "stream.number",
    })),
    { name: "stream credit of 2^48", value: { ...json, type: "stream", stream: { number: 1, credit: 2 ** 48 } }, path: "stream.credit" },
    { name: "an opening on a request", value: { ...json, stream: { number: 1, credit: 2 } }, path: "envelope" },
    { name: "response without correlation", value: { ...who, ...response, correlationId: undefined }, path: "correlationId" },
    { name: "error with payload", value: { ...who, ...failure, payload: 1 }, path: "envelope" },
    { name: "error with unknown code", value: { ...who, ...failure, error: { ...failure.error, code: "toString" } }, path: "error.code" },
    { name: "error with a stack", value: { ...who, ...failure, error: { ...failure.error, stack: "x" } }, path: "error" },
    { name: "error message with ESC", value: { ...who, ...failure, error: { ...failure.error, message: "\x1b[2J" } }, path: "error.message" },
    { name: "headers null", value: { ...json, headers: null }, path: "headers" },
    { name: "headers with __proto__", value: { ...json, headers: JSON.parse('{"__proto__":{"polluted":1}}') }, path: "headers" },
    { name: "headers with constructor", value: { ...json, headers: { constructor: "x" } }, path: "headers" },
    { name: "header that is no text", value: { ...json, headers: { a: { b: 1 } } }, path: "headers.a" },
    { name: "headers over the cap", value: { ...json, headers: { a: "x".repeat(8_000), b: "x".repeat(8_000) } }, path: "headers" },
    { name: "both payloads", value: { ...json, payloadBytes: "AA" }, path: "payload" },
    ...["AA==", "A", "A A", "!!", "AB", "AA\n", "+/8"].map((payloadBytes) => ({
      name: `bytes ${JSON.stringify(payloadBytes)}`,
      value: { ...who, ...request, payloadBytes },
      path: "payloadBytes",
    })),
    { name: "bytes that are no text", value: { ...who, ...request, payloadBytes: [1] }, path: "payloadBytes" },
    { name: "payload 5,000 levels deep", value: { ...json, payload: deep }, path: "payload" },
    { name: "payload 100,000 levels deep", value: { ...json, payload: veryDeep }, path: "payload" },
    { name: "headers 100,000 levels deep", value: { ...json, headers: veryDeep }, path: "headers" },
    { name: "id 100,000 levels deep", value: { ...json, id: veryDeep }, path: "id" },
    { name: "payload with __proto__", value: { ...json, payload: JSON.parse('{"a":[{"__proto__":{"polluted":1}}]}') }, path: "payload" },
    { name: "payload with a function", value: { ...json, payload: () => 1 }, path: "payload" },
    {
      name: "getter that throws",
      value: Object.defineProperty({ ...json }, "method", {
        enumerable: true,
        get() {
          throw new Error("hunter2");
        },
      }),
      path: "envelope",
    },
    {
      name: "proxy that throws everywhere",
      value: new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new Error("hunter2");
          },
        },
      ),
      path: "envelope",
    },
    { name: "secret in a wrong place", value: { ...json, priority: "hunter2", hunter2: 1 }, path: "priority" },
  ];
  test.each(cases)("$name", ({ value, path }) => {
    try {
      parseEnvelope(value);
      expect.unreachable();
    } catch (error) {
      if (!isTightbeamError(error)) throw error;
      expect(error.code).toBe("invalid_envelope");
      expect(error.message).toContain(`invalid at ${path}:`);
      expect(error.message.length).toBeLessThan(180);
      expect(`${error.message}${String(error.cause)}`).not.toContain("hunter2");
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(parseEnvelope(json)).toEqual(json);
  });

  test("any value gives an envelope or invalid_envelope", () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withBoxedValues: true });
    const nearly = fc.record(
      Object.fromEntries(
        [...Object.keys(json), "correlationId", "headers", "error", "topic", "payloadBytes"].map((key) => [
          key,
          fc.oneof(anything, fc.constant((json as Record<string, unknown>)[key])),
        ]),
      ),
      {
        requiredKeys: [],
      },
    );
    fc.assert(
      fc.property(fc.oneof(anything, nearly), (value) => {
        try {
          parseEnvelope(value);
        } catch (error) {
          expect(isTightbeamError(error) && error.code).toBe("invalid_envelope");
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

test("a limit for JSON holds both ways", () => {
  const tight = { jsonMaxBytes: 10, jsonMaxDepth: 4, jsonMaxKeys: 4, jsonMaxContainers: 4 };
  expect(() => parseEnvelope(json, tight)).toThrow(expect.objectContaining({ code: "invalid_envelope" }));
  expect(() => envelopeToJson({ ...who, ...request, payload: "x".repeat(20) }, tight)).toThrow(expect.objectContaining({ code: "too_large" }));
  expect(parseEnvelope({ ...json, correlationId: otherId, payload: 1 }, tight).payload).toBe(1);
});
