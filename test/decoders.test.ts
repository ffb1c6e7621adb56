import { readdirSync, readFileSync } from "node:fs";
import { TightbeamError } from "@tightbeam/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeUtf8, fromBase64url, fromHex, reader } from "../packages/core/src/bytes.js";
import * as codec from "../packages/core/src/codec/index.js";
import { decodeEnvelope, decodeHeader } from "../packages/core/src/envelope/decode.js";
import { readPartBody } from "../packages/core/src/envelope/part.js";
import { createPart, readPartHead } from "../packages/core/src/envelope/part-head.js";
import { parseEnvelope } from "../packages/core/src/envelope/schema.js";
import * as frames from "../packages/core/src/frame/frame.js";
import { type JsonObject, parseJsonObject } from "../packages/core/src/identity/json.js";
import { readPrivateJwk, readPublicJwk } from "../packages/core/src/identity/jwk.js";
import { readKeySet } from "../packages/core/src/identity/key-set.js";
import { readToken } from "../packages/core/src/identity/shape.js";
import { readAck, readCells } from "../packages/core/src/link/read-cells.js";
import { decodeLinkOffer } from "../packages/core/src/link/resume.js";
import { decodeRows } from "../packages/core/src/observability/monitor/kept.js";
import { decodeCall } from "../packages/core/src/observability/traces/entry.js";
import { decodeCheckpoint, decodeKept } from "../packages/core/src/patterns/checkpoints/entry.js";
import { decodeWitness } from "../packages/core/src/patterns/checkpoints/witness.js";
import * as letters from "../packages/core/src/patterns/dead-letters/entry.js";
import { decodeBookEntry } from "../packages/core/src/patterns/durable/book-entry.js";
import * as opening from "../packages/core/src/patterns/durable/opening.js";
import * as outRecord from "../packages/core/src/patterns/durable/out-record.js";
import { readSegment } from "../packages/core/src/patterns/durable/out-segment.js";
import * as keyed from "../packages/core/src/patterns/idempotency/record.js";
import { readHello } from "../packages/core/src/patterns/peers/hello.js";
import { decodeHint } from "../packages/core/src/patterns/presence/hint.js";
import * as topics from "../packages/core/src/patterns/topics/wire.js";
import { decodeLoss } from "../packages/core/src/patterns/via/message.js";
import * as via from "../packages/core/src/patterns/via/words.js";
import * as payload from "../packages/core/src/secure/payload.js";
import { parseReady } from "../packages/core/src/secure/ready.js";
import { parseTarget } from "../packages/core/src/secure/target.js";
import { decodeTlvs } from "../packages/core/src/secure/tlv.js";
import * as storeHeader from "../packages/core/src/store/header.js";
import { parseTraceContext } from "../packages/core/src/telemetry/trace-context.js";
import { parseInbox } from "../packages/core/src/transport/address.js";
import * as relay from "../packages/websocket/src/protocol.js";

/*
 * Every function that reads what others wrote: any input gives a value or a TightbeamError, within 50 ms. Which functions these are the sources say:
 * one that is exported under such a name and stands neither in a table nor among the exceptions fails.
 */

const root = new URL("../", import.meta.url);
const vectors = <T>(name: string): T => JSON.parse(readFileSync(new URL(`vectors/${name}.json`, root), "utf8")) as T;
const hex = (texts: readonly string[]): Uint8Array[] => texts.map(fromHex);

const frame = vectors<{ frames: { type: string; frame: string }[] }>("frame");
const framesOf = (type: string): Uint8Array[] => hex(frame.frames.filter((each) => each.type === type).map((each) => each.frame));
const { records, link } = vectors<{ records: { record: string }[]; link: Record<"begins" | "continues" | "answers" | "readyContinued" | "readyNew", string> }>(
  "cells",
);
const envelopes = hex(vectors<{ envelopes: { wire: string }[] }>("envelope").envelopes.map(({ wire }) => wire));
const parts = hex(vectors<{ parts: { wire: string }[] }>("part").parts.map(({ wire }) => wire));
const hints = hex(vectors<{ hints: { frame: string }[] }>("presence").hints.map((each) => each.frame));
const [shake] = vectors<{ handshakes: Record<"initiator" | "responder", { payload: string; token: string; publicJwk: JsonObject }>[] }>("handshake").handshakes;
if (shake === undefined) throw new Error("the vectors hold no handshake");
const payloads = hex([shake.initiator.payload, shake.responder.payload]);
const ignore = (): void => undefined;
const visitor = { sequenced: ignore, ack: ignore, credit: ignore, ping: ignore, pong: ignore, closed: ignore };
const none = new Uint8Array(32);

type Decoder<T> = readonly [name: string, decode: (input: T) => unknown, samples: readonly T[]];

const ofBytes: readonly Decoder<Uint8Array>[] = [
  ["parseHs1", frames.parseHs1, framesOf("HS1")],
  ["parseHs2", frames.parseHs2, framesOf("HS2")],
  ["parseHs3", frames.parseHs3, framesOf("HS3")],
  ["parseRetry", frames.parseRetry, framesOf("RETRY")],
  ["decodeTlvs", decodeTlvs, payloads],
  ["decodePayload", (bytes) => [2, 3].map((message) => settled(() => payload.decodePayload(bytes, message as 2 | 3))), payloads],
  ["parseReady", parseReady, hex([link.readyContinued, link.readyNew])],
  ["decodeLinkOffer", decodeLinkOffer, hex([link.begins, link.continues, link.answers])],
  ["readCells", (bytes) => readCells(bytes, visitor), hex(records.map(({ record }) => record))],
  ["readAck", (bytes) => readAck(bytes, 0x0f, 0, bytes.length), hex(records.map(({ record }) => record.slice(8)))],
  ["decodeEnvelope", decodeEnvelope, envelopes],
  ["decodeHeader", (bytes) => [settled(() => decodeHeader(bytes)), settled(() => storeHeader.decodeHeader(bytes, undefined))], envelopes],
  ["readPartHead", (bytes) => readPartHead(bytes, createPart()), parts],
  ["readPartBody", (bytes) => readPart(bytes), parts],
  ["decodeJson", (bytes) => codec.decodeJson(bytes), [text('{"a":[1,-2.5e3,null,true,"é\\ud83d\\ude00"],"b":{}}')]],
  ["decodeUtf8", decodeUtf8, [text("grüße 😀")]],
  ["decodeHint", decodeHint, hints],
  ["decodeLoss", decodeLoss, [new Uint8Array(10)]],
  ["reader", (bytes) => walk(bytes), []],
  ["parseFrame", relay.parseFrame, [relay.encodeFrame(relay.frameType.send, 0, text("agent/bob"), none)]],
  ["parseChallenge", relay.parseChallenge, [relay.encodeChallenge(none)]],
  ["parseLogin", relay.parseLogin, [login()]],
  ["parseWelcome", relay.parseWelcome, [relay.encodeWelcome({ maxFrameBytes: 262_144, subscriptionsMax: 64, heartbeatMs: 20_000, authorisedMs: 1 })]],
  ["parseGroup", relay.parseGroup, [relay.encodeGroup("acme/bob")]],
  ["parseError", relay.parseError, [relay.encodeError(13, "no")]],
  ["parseDropped", relay.parseDropped, [relay.encodeDropped({ frames: 2, bytes: 3 })]],
  ["decodeKept", (bytes) => decodeKept("c/state/1", bytes), []],
  ["decodeCheckpoint", (bytes) => decodeCheckpoint("c/state/1", bytes), []],
  ["decodeBookEntry", decodeBookEntry, []],
  ["readSegment", (bytes) => readSegment(2, 0, bytes), []],
  ["decodeRecord", (bytes) => [settled(() => outRecord.decodeRecord(bytes)), settled(() => keyed.decodeRecord(bytes))], []],
  ["decodeHead", (bytes) => letters.decodeHead("0123456789ab", bytes), []],
  ["decodeBody", (bytes) => letters.decodeBody("0123456789ab", bytes), []],
  ["decodeCall", (bytes) => decodeCall("t/1", bytes), []],
  ["decodeRows", (bytes) => decodeRows(bytes, "m/1", 0), []],
];

const ofText: readonly Decoder<string>[] = [
  ["readToken", readToken, [shake.initiator.token, shake.responder.token]],
  ["parseJsonObject", parseJsonObject, ['{"alg":"EdDSA","cnf":{"jwk":{"x":"\\u0041"}},"a":[1,2,{"b":null}]}']],
  ["fromBase64url", fromBase64url, ["AAECAwQFBgcICQoLDA0ODw"]],
  ["parseTraceContext", (value) => parseTraceContext(value, value), ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]],
  ["parseTarget", (value) => parseTarget(value as never), ["inbox/acme/alice/AAECAwQFBgcICQoLDA0ODw", "agent/bob"]],
  ["parseInbox", parseInbox, ["inbox/acme/alice/AAECAwQFBgcICQoLDA0ODw"]],
];

const jwk = shake.initiator.publicJwk;
const uuid = "01978a52-6c00-7abc-8def-0123456789ab";
const stores = {
  store: "A".repeat(22),
  starts: [[1, "A".repeat(22)]],
  began: [0, 0, 1, 0],
  next: [0, 0, 2, 0],
  floor: [0, 0, 1, 0],
  seen: [0, 0, 1, 0],
  kept: true,
  durable: true,
  epoch: 0,
};
const ofValues: readonly Decoder<unknown>[] = [
  ["readPublicJwk", readPublicJwk, [jwk]],
  ["readPrivateJwk", readPrivateJwk, [{ ...jwk, d: "A".repeat(43) }]],
  ["readKeySet", (value) => readKeySet(value), [{ keys: [{ ...jwk, kid: "k" }, { kty: "EC" }] }]],
  [
    "parseEnvelope",
    (value) => parseEnvelope(value),
    [{ type: "request", version: 1, id: uuid, timestamp: 1, from: "bob", to: "alice", priority: "normal", method: "m", payload: { a: 1 } }],
  ],
  ["readHello", readHello, [{ protocol: 1, types: ["request"], contracts: [{ name: "search", versions: [1] }], kinds: ["a"], load: 0, publishes: false }]],
  ["readAsk", topics.readAsk, [{ id: uuid, pattern: "a.*", replay: 1, credit: 2 }]],
  ["readId", topics.readId, [{ id: uuid }]],
  ["readCredit", topics.readCredit, [{ credit: 1 }]],
  ["readAnswer", (value) => [settled(() => topics.readAnswer(value)), settled(() => opening.readAnswer(value))], [{ after: uuid }, stores]],
  ["readOpening", opening.readOpening, [stores]],
  ["readJoin", via.readJoin, [{ version: 1 }]],
  ["readListening", via.readListening, [{ id: 1, at: "agent/bob", group: "bob", hops: 3 }]],
  ["readLeaving", via.readLeaving, [{ id: 1 }]],
  ["decodeWitness", decodeWitness, [["A".repeat(22), 0, [1, 2]]]],
];

/** Exported under such a name, and what they read is not a stranger's text, or stands in a table in other words. */
const elsewhere: Readonly<Record<string, string>> = {
  readU8: "a number at a place: behind `reader`",
  readU16: "a number at a place: behind `reader`",
  readU32: "a number at a place: behind `reader`",
  readU48: "a number at a place: behind `reader`",
  readU64: "a number at a place: behind `reader`",
  readError: "a part of decodeEnvelope and of readPartBody; the other of this name checks what we send",
  readIssuerKey: "one member of a set: behind readKeySet",
  readBody: "bytes of an HTTP answer, counted: packages/core/test/identity/remote.test.ts",
  readForm: "packages/core/test/identity/exchange/fuzz.test.ts asks the endpoint itself",
  readKept: "asks a store: decodeKept and decodeRows read",
  readState: "asks a store: decodeCheckpoint reads",
  readOn: "asks a store: readSegment and decodeRecord read",
  decodeBook: "makes a book of what decodeBookEntry reads",
  readSettings: "options of the application",
  readRelayOptions: "options of the application",
  readOrigins: "options of the application",
  parseServers: "options of the application",
  parseProtocolName: "an option of the application: packages/core/test/noise/protocol-name.test.ts",
};

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
function login(): Uint8Array {
  return relay.encodeLogin({ nonce: none, instance: "i".repeat(22), origin: "wss://relay.example", token: "a.b.c", jwk: "", proof: "d.e.f" });
}
function readPart(bytes: Uint8Array): void {
  const part = createPart();
  if (readPartHead(bytes, part)) readPartBody(bytes, part);
}
/** Each kind of step in turn, until the bytes end. */
function walk(bytes: Uint8Array): void {
  const cursor = reader(bytes);
  for (let step = 0; ; step++) {
    const kind = step % 6;
    if (kind === 0) cursor.u8();
    else if (kind === 1) cursor.u16();
    else if (kind === 2) cursor.u32();
    else if (kind === 3) cursor.u48();
    else if (kind === 4) cursor.u64();
    else cursor.view(cursor.u8());
  }
}

/** The value, or the typed error; whatever else is thrown goes on. */
function settled(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof TightbeamError) return error;
    throw error;
  }
}

const refusals: readonly unknown[] = [false, "version", "type", "flags", "suite", "suites", "size", "session_id", "reply_address", "cookie_length"];
const isTaken = (result: unknown): boolean => !(result instanceof Error) && !refusals.includes(result);

const barMs = 50;
/** Of the processor's time, not of the clock on the wall. Ten tries: what the engine compiles or collects meanwhile counts, too. */
function survives(run: () => unknown): boolean {
  for (let round = 0; round < 10; round++) {
    const before = process.cpuUsage();
    settled(run);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1_000 < barMs) return true;
  }
  return false;
}

const bytesLike = (samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> => {
  const any = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 3_000 }));
  if (samples.length === 0) return any;
  const changed = fc
    .tuple(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      fc.option(fc.nat(), { nil: undefined }),
      fc.uint8Array({ maxLength: 9 }),
    )
    .map(([sample, changes, cut, more]) => {
      const bytes = Uint8Array.from([...sample.subarray(0, cut === undefined ? sample.length : cut % (sample.length + 1)), ...more]);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
  return fc.oneof(any, changed, changed);
};

const textLike = (samples: readonly string[]): fc.Arbitrary<string> => {
  const changed = fc
    .tuple(fc.constantFrom(...samples), fc.nat(), fc.string({ unit: "binary", maxLength: 3 }), fc.nat(4))
    .map(([sample, where, piece, over]) => {
      const at = where % (sample.length + 1);
      return sample.slice(0, at) + piece + sample.slice(at + over);
    });
  return fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), changed, changed);
};

const valuesLike = (samples: readonly unknown[]): fc.Arbitrary<unknown> => {
  const replaced = fc
    .tuple(fc.constantFrom(...samples), fc.nat(), fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.anything({ maxDepth: 2 })), fc.string())
    .map(([sample, at, value, name]) => {
      if (Array.isArray(sample)) return sample.map((member: unknown, index) => (index === at % sample.length ? value : member));
      const names = Object.keys(sample as object);
      return { ...(sample as object), [at % 3 === 0 ? name : (names[at % names.length] as string)]: value };
    });
  return fc.oneof(fc.anything(), fc.jsonValue({ maxDepth: 3 }), replaced, replaced);
};

/** Large, regular, and what a size, a depth or a count is most afraid of. */
const heavyBytes: readonly Uint8Array[] = [0x00, 0x01, 0x5b, 0x7b, 0x22, 0x7f, 0xff].map((byte) => new Uint8Array(256 * 1024).fill(byte));
const heavyText: readonly string[] = ["[", '{"a":', '"', "\\", ".", "-", "A", "9", "/", "é", "\0"].map((piece) =>
  piece.repeat(Math.ceil((64 * 1024) / piece.length)),
);
const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};
const heavyValues: readonly unknown[] = [
  deep(2_000),
  Array.from({ length: 50_000 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])),
  JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  { keys: Array.from({ length: 20_000 }, () => jwk) },
  { protocol: 1, contracts: Array.from({ length: 20_000 }, () => ({ name: "a", versions: [1] })), kinds: Array(20_000).fill("k") },
  { id: uuid, pattern: "*.".repeat(30_000), replay: 1, credit: 1 },
  { id: 1, at: "a/".repeat(30_000), group: "g".repeat(60_000) },
  { ...stores, starts: Array(50_000).fill([1, "A".repeat(22)]) },
  "x".repeat(1_000_000),
];

function hold<T>(decoders: readonly Decoder<T>[], like: (samples: readonly T[]) => fc.Arbitrary<T>, heavy: readonly T[]): void {
  describe.each(decoders)("%s", (_name, decode, samples) => {
    it("gives a value or a typed error for anything, within 50 ms", () => {
      fc.assert(
        fc.property(like(samples), (input) => survives(() => decode(input))),
        { numRuns: 200 },
      );
    }, 120_000);
    it("is quick with what is large, deep or many", () => {
      for (const [index, input] of heavy.entries())
        expect(
          survives(() => decode(input)),
          `heavy input ${index}`,
        ).toBe(true);
      expect(Object.prototype).not.toHaveProperty("polluted");
    }, 120_000);
    if (samples.length > 0)
      it("takes what is right", () => {
        // Of two that share a name a sample is right for one.
        for (const sample of samples) expect([settled(() => decode(sample))].flat().some(isTaken)).toBe(true);
      });
  });
}

describe("bytes", () => hold(ofBytes, bytesLike, heavyBytes));
describe("text", () => hold(ofText, textLike, heavyText));
describe("values", () => hold(ofValues, valuesLike, heavyValues));

it("these are all: whatever else is exported as decode, parse or read is named with its reason", () => {
  const found = new Set<string>();
  for (const name of ["core", "memory", "nats", "websocket"])
    for (const path of readdirSync(new URL(`packages/${name}/src/`, root), { recursive: true, encoding: "utf8" }))
      if (path.endsWith(".ts"))
        for (const [, exported = ""] of readFileSync(new URL(`packages/${name}/src/${path}`, root), "utf8").matchAll(
          /^export (?:async )?(?:function|const) ((?:decode|parse|read)[A-Z]\w*)/gm,
        ))
          found.add(exported);
  const named = new Set([...ofBytes, ...ofText, ...ofValues].map(([name]) => name));
  expect([...found].filter((name) => !named.has(name) && elsewhere[name] === undefined)).toEqual([]);
  expect(Object.keys(elsewhere).filter((name) => !found.has(name))).toEqual([]);
  expect(Object.keys(elsewhere).filter((name) => named.has(name))).toEqual([]);
});
