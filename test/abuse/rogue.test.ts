import type { AgentEvent, ErrorCode } from "@tightbeam/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeCredit } from "../../packages/core/src/envelope/part.js";
import * as cellType from "../../packages/core/src/frame/cell-type.js";
import * as msgFlag from "../../packages/core/src/frame/msg-flag.js";
import { createField, type Field, failure, pause, secret, within } from "./field.js";
import { callFlags, cell, createRogue, envelope, newId, noBytes, type Rogue, type RogueLink, text, whole } from "./rogue.js";

/*
 * A peer with a valid token that lies after its handshake. Each row has a rogue of its own; alice refuses the message or the link, tells what
 * happened, and goes on with bob, whose traffic runs through every row.
 */

let field: Field;
beforeAll(async () => {
  field = await createField();
  field.alice.handle("echo", (input) => input);
  field.alice.handle("count", () => void counted++);
  field.alice.handle("never", () => new Promise(() => undefined));
});
afterAll(() => field.close());

let counted = 0;

type Expected =
  /** Alice ends the link, and says why with this code. */
  | { readonly ended: ErrorCode }
  /** Alice drops the message and tells her application. */
  | { readonly refused: ErrorCode }
  /** The rogue is answered with an error. */
  | { readonly answered: ErrorCode }
  /** Nothing at all happens. */
  | { readonly nothing: true };

interface Row {
  readonly name: string;
  make(link: RogueLink, rogue: Rogue): Promise<unknown>;
  readonly expect: Expected;
}

const json = (value: string): Uint8Array => text(value);
const sends =
  (bytes: () => Uint8Array, options?: { lane?: 0 | 1 | 2 | 3; flags?: number }): Row["make"] =>
  (link) =>
    link.message(bytes(), options);
/** A request whose payload is this JSON text. */
const asks =
  (payload: string | Uint8Array, more: Parameters<typeof envelope>[1] = {}): Row["make"] =>
  (link) =>
    link.message(envelope("request", more, typeof payload === "string" ? json(payload) : payload));
const patched = (at: number, value: number): Uint8Array => {
  const bytes = envelope("request");
  bytes[at] = value;
  return bytes;
};

const envelopes: Row[] = [
  { name: "an empty message", make: sends(() => noBytes), expect: { refused: "invalid_envelope" } },
  { name: "half an envelope", make: sends(() => envelope("request").subarray(0, 20)), expect: { refused: "invalid_envelope" } },
  { name: "version 0", make: sends(() => patched(0, 0x01)), expect: { refused: "invalid_envelope" } },
  { name: "version 15", make: sends(() => patched(0, 0xf1)), expect: { refused: "invalid_envelope" } },
  { name: "an unknown type", make: sends(() => patched(0, 0x1f)), expect: { refused: "invalid_envelope" } },
  { name: "an unknown flag", make: sends(() => patched(1, 0x80)), expect: { refused: "invalid_envelope" } },
  { name: "an id that is no UUIDv7", make: sends(() => patched(9, 0x00)), expect: { refused: "invalid_envelope" } },
  { name: "trailing bytes", make: sends(() => Uint8Array.from([...envelope("request"), 1, 2, 3])), expect: { refused: "invalid_envelope" } },
  {
    name: "two envelopes in one message",
    make: sends(() => Uint8Array.from([...envelope("request"), ...envelope("request")])),
    expect: { refused: "invalid_envelope" },
  },
  { name: "16 KiB of 0xff", make: sends(() => new Uint8Array(16_000).fill(0xff)), expect: { refused: "invalid_envelope" } },
  {
    name: "a method with ESC",
    make: sends(() => replaced(envelope("request", { method: "abcd" }), "abcd", "a\x1bcd")),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "a method with CR LF",
    make: sends(() => replaced(envelope("request", { method: "abcd" }), "abcd", "a\r\nd")),
    expect: { refused: "invalid_envelope" },
  },
  { name: "a method with NUL", make: sends(() => replaced(envelope("request", { method: "abcd" }), "abcd", "a\0cd")), expect: { refused: "invalid_envelope" } },
  {
    name: "a method of homoglyphs",
    make: sends(() => replaced(envelope("request", { method: "abcd" }), "abcd", "a\u0441d")),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "the method __proto__",
    make: sends(() => replaced(envelope("request", { method: "aaproto00" }), "aaproto00", "__proto__")),
    expect: { refused: "invalid_envelope" },
  },
  { name: "the method constructor: nobody's", make: sends(() => envelope("request", { method: "constructor" })), expect: { answered: "no_handler" } },
  { name: "the method toString: nobody's", make: sends(() => envelope("request", { method: "toString" })), expect: { answered: "no_handler" } },
  {
    name: "a header __proto__",
    make: sends(() => replaced(envelope("request", { headers: { aaproto00: "x" } }), "aaproto00", "__proto__")),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "a header value with ESC",
    make: sends(() => replaced(envelope("request", { headers: { a: "wxyz" } }), "wxyz", "\x1b[2J")),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "a ttl of 0: expired before it came",
    make: sends(() => envelope("request", { ttl: 0, timestamp: Date.now() - 50 })),
    expect: { answered: "expired" },
  },
];

const payloads: Row[] = [
  { name: "100,000 levels", make: asksLarge("[".repeat(100_000)), expect: { answered: "invalid_envelope" } },
  { name: "65 levels", make: asks("[".repeat(65) + "]".repeat(65)), expect: { answered: "invalid_envelope" } },
  { name: "80,000 keys", make: asksLarge(`{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":0`).join()}}`), expect: { answered: "invalid_envelope" } },
  { name: "2 MiB of numbers", make: asksLarge(`[${"1,".repeat(1 << 20)}1]`), expect: { answered: "too_large" } },
  { name: "__proto__", make: asks('{"__proto__":{"polluted":1}}'), expect: { answered: "invalid_envelope" } },
  { name: "__proto__ deep and escaped", make: asks('[{"a":{"\\u005f_proto__":{"polluted":1}}}]'), expect: { answered: "invalid_envelope" } },
  { name: "1e999", make: asks("[1e999]"), expect: { answered: "invalid_envelope" } },
  { name: "NaN", make: asks("NaN"), expect: { answered: "invalid_envelope" } },
  { name: "a lone surrogate", make: asks('"\\ud800"'), expect: { answered: "invalid_envelope" } },
  { name: "a million digits", make: asksLarge("9".repeat(1_000_000)), expect: { answered: "invalid_envelope" } },
  { name: "a byte order mark", make: asks(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31)), expect: { answered: "invalid_envelope" } },
  { name: "an overlong slash", make: asks(Uint8Array.of(0x22, 0xc0, 0xaf, 0x22)), expect: { answered: "invalid_envelope" } },
  { name: "0xff", make: asks(Uint8Array.of(0x22, 0xff, 0x22)), expect: { answered: "invalid_envelope" } },
  { name: "no JSON", make: asks("{'a':1}"), expect: { answered: "invalid_envelope" } },
  { name: "an empty JSON text", make: asks(noBytes), expect: { answered: "invalid_envelope" } },
];

const roles: Row[] = [
  { name: "a request flagged as control", make: sends(() => envelope("request"), { flags: whole }), expect: { refused: "flow" } },
  { name: "a notification flagged as control", make: sends(() => envelope("notification"), { flags: whole }), expect: { refused: "flow" } },
  {
    name: "a response that counts against credit",
    make: sends(() => envelope("response", { correlationId: newId() }), { flags: callFlags }),
    expect: { refused: "flow" },
  },
  { name: "an event", make: sends(() => envelope("event")), expect: { refused: "unsupported" } },
  { name: "a stream flagged as control", make: sends(() => envelope("stream"), { flags: whole }), expect: { refused: "flow" } },
  {
    name: "something said in a stream that was never opened",
    make: sends(() => encodeCredit({ number: 9, byOpener: true }, 1), { flags: whole }),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "something said in a stream that alice never opened",
    make: sends(() => encodeCredit({ number: 9, byOpener: false }, 1), { flags: whole }),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "something said in a stream, flagged as a call",
    make: sends(() => encodeCredit({ number: 9, byOpener: true }, 1), { flags: callFlags }),
    expect: { refused: "invalid_envelope" },
  },
  { name: "a part of a stream without its head", make: sends(() => Uint8Array.of(0x17, 1, 0), { flags: whole }), expect: { refused: "invalid_envelope" } },
  {
    name: "a response to nothing",
    make: sends(() => envelope("response", { correlationId: newId() }), { flags: whole }),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "an error to nothing",
    make: sends(() => envelope("error", { correlationId: newId(), error: { code: "internal", message: "m", id: "i" } }), { flags: whole }),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "an error with a text of ESC",
    make: sends(() => replaced(envelope("error", { correlationId: newId(), error: { code: "internal", message: "wxyz", id: "i" } }), "wxyz", "\x1b[2J"), {
      flags: whole,
    }),
    expect: { refused: "invalid_envelope" },
  },
  {
    name: "a cancel for what nobody runs",
    make: sends(() => cancelOf(newId()), { flags: whole }),
    expect: { nothing: true },
  },
  {
    name: "one id twice while the first runs",
    async make(link) {
      const again = envelope("request", { method: "never" });
      await link.message(again);
      await link.message(again);
    },
    expect: { answered: "invalid_envelope" },
  },
];

const cells: Row[] = [
  { name: "an unknown cell", make: (link) => link.send(cell.raw(99, 0, new Uint8Array(4))), expect: { ended: "malformed" } },
  { name: "a cell longer than its record", make: (link) => link.send(Uint8Array.of(1, 0, 0xff, 0xff, 0)), expect: { ended: "malformed" } },
  { name: "half a cell header", make: (link) => link.send(Uint8Array.of(1, 0)), expect: { ended: "malformed" } },
  { name: "padding with something in it", make: (link) => link.send(Uint8Array.of(0, 0, 0, 7)), expect: { ended: "malformed" } },
  { name: "a fragment of nothing", make: (link) => link.send(cell.msg(2, 0, 0, new Uint8Array(9))), expect: { ended: "malformed" } },
  {
    name: "fewer bytes than the first fragment said",
    make: (link) => link.send(cell.first(2, 0, 0, new Uint8Array(9), 100), cell.msg(2, 1, msgFlag.last, new Uint8Array(9))),
    expect: { ended: "malformed" },
  },
  {
    name: "more bytes than the first fragment said",
    make: (link) => link.send(cell.first(2, 0, 0, new Uint8Array(9), 12), cell.msg(2, 1, 0, new Uint8Array(9))),
    expect: { ended: "malformed" },
  },
  { name: "an abort of nothing", make: (link) => link.send(cell.msg(2, 0, msgFlag.abort, noBytes)), expect: { ended: "malformed" } },
  {
    name: "a first fragment in the middle",
    make: (link) => link.send(cell.first(2, 0, 0, new Uint8Array(9), 100), cell.first(2, 1, 0, new Uint8Array(9), 100)),
    expect: { ended: "malformed" },
  },
  {
    name: "empty fragments without end",
    make: (link) => link.send(cell.first(2, 0, 0, new Uint8Array(9), 100), cell.msg(2, 1, 0, noBytes)),
    expect: { ended: "malformed" },
  },
  {
    name: "DONE for what alice never sent",
    make: (link) => link.send(cell.msg(0, 0, whole, new Uint8Array(8), cellType.done)),
    expect: { ended: "malformed" },
  },
  { name: "DONE of another length", make: (link) => link.send(cell.msg(0, 0, whole, new Uint8Array(7), cellType.done)), expect: { ended: "malformed" } },
  { name: "CREDIT with unknown flags", make: (link) => link.send(cell.raw(cellType.credit, 8, noBytes)), expect: { ended: "malformed" } },
  { name: "CLOSE without a code", make: (link) => link.send(cell.raw(cellType.close, 0, noBytes)), expect: { ended: "malformed" } },
  { name: "CLOSE with ESC in its code", make: (link) => link.send(cell.raw(cellType.close, 0, text("a\x1b[2J"))), expect: { ended: "closed" } },
  { name: "CLOSE with a code of prototypes", make: (link) => link.send(cell.close("__proto__")), expect: { ended: "closed" } },
  {
    name: "ACK of what was never sent",
    make: (link) => link.send(cell.ack(2, 2 ** 47), cell.ack(2, 0, [{ start: 5, end: 60_000 }], 2 ** 40)),
    expect: { nothing: true },
  },
  {
    name: "sequence numbers far away",
    make: (link) => link.send(cell.msg(2, 2 ** 48 - 1, callFlags, envelope("request")), cell.msg(2, 5_000, callFlags, noBytes)),
    expect: { nothing: true },
  },
  { name: "credit beyond all numbers", make: (link) => link.send(cell.credit(2 ** 48 - 1, 2 ** 48 - 1)), expect: { nothing: true } },
  { name: "an empty record", make: (link) => link.send(), expect: { nothing: true } },
  { name: "a PONG nobody asked for", make: (link) => link.send(cell.raw(cellType.pong, 0, new Uint8Array(12).fill(0xff))), expect: { nothing: true } },
  {
    name: "more requests than its credit",
    async make(link) {
      for (let sent = 0; sent < 4_200; sent += 100)
        await link.send(...Array.from({ length: 100 }, () => cell.msg(2, (link.next[2] as number)++, callFlags, envelope("request", { method: "never" }))));
    },
    expect: { ended: "flow" },
  },
  {
    name: "more bytes than its credit",
    async make(link) {
      // 16 MiB of credit and one message of overshoot, which may be of 64 MiB.
      const chunk = new Uint8Array(16_000);
      const total = (Math.ceil((40 << 20) / (4 * chunk.length)) * 4 + 1) * chunk.length;
      for (let message = 0; message < 3; message++) {
        for (let sent = 0; sent < 40 << 20; sent += 4 * chunk.length) {
          const part = [0, 1, 2, 3].map((index) =>
            sent + index === 0
              ? cell.first(3, (link.next[3] as number)++, msgFlag.intake, pad(envelope("request", { method: "never" }, chunk, "bytes")), total)
              : cell.msg(3, (link.next[3] as number)++, 0, chunk),
          );
          await link.send(...part);
        }
        await link.send(cell.msg(3, (link.next[3] as number)++, msgFlag.last, chunk));
      }
    },
    expect: { ended: "flow" },
  },
];

function pad(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, 16_000);
}
function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const out = Buffer.from(bytes);
  const at = out.indexOf(from);
  if (at < 0 || Buffer.byteLength(to) !== from.length) throw new Error("the row is wrong");
  out.write(to, at);
  return new Uint8Array(out);
}
const cancelOf = (id: string): Uint8Array => envelope("error", { correlationId: id, error: { code: "cancelled", message: "m", id } });

/** In as many fragments as it needs. */
function asksLarge(payload: string): Row["make"] {
  return async (link) => {
    const bytes = envelope("request", {}, json(payload));
    for (let at = 0; at < bytes.length; at += 16_000) {
      const sequence = (link.next[2] as number)++;
      const part = bytes.subarray(at, at + 16_000);
      const flags = at + 16_000 >= bytes.length ? msgFlag.last : 0;
      await link.send(at === 0 ? cell.first(2, sequence, msgFlag.intake, part, bytes.length) : cell.msg(2, sequence, flags, part));
    }
  };
}

const eventOf = (type: AgentEvent["type"], peer: string): AgentEvent | undefined =>
  field.events.find((event) => event.type === type && ("peer" in event ? event.peer === peer : "link" in event && event.link.peer.id === peer));
const codeOf = (event: AgentEvent | undefined): string | undefined =>
  event !== undefined && "error" in event ? (event.error as { code: string }).code : undefined;

describe.each([
  ["envelopes", envelopes],
  ["payloads", payloads],
  ["roles and credit of messages", roles],
  ["cells", cells],
] as const)("a rogue's %s", (_, rows) => {
  it.each(rows)("$name: $expect", async ({ make, expect: expected }) => {
    const rogue = await createRogue(field);
    const link = await rogue.dial();
    const stop = field.traffic();
    await make(link, rogue);
    if ("ended" in expected) {
      await within(20_000, "the end of the link", () => eventOf("link_ended", "mallory") !== undefined);
      expect(codeOf(eventOf("link_ended", "mallory"))).toBe(expected.ended);
      await within(5_000, "a CLOSE that says why", () => link.closes.includes(expected.ended));
      expect(field.alice.links("mallory")).toEqual([]);
    } else {
      if ("refused" in expected) {
        await within(5_000, "the refusal", () => eventOf("refused", "mallory") !== undefined);
        expect(codeOf(eventOf("refused", "mallory"))).toBe(expected.refused);
      } else if ("answered" in expected) {
        await within(5_000, "the answer", () => link.got.length > 0);
        expect(link.got[0]?.header.error?.code).toBe(expected.answered);
      }
      // The link itself goes on.
      const honest = envelope("request", {}, json('"still here"'));
      if (!("nothing" in expected) || link.next[2] === 0) {
        await link.message(honest);
        await within(5_000, "an honest answer", () => link.got.some(({ header }) => header.type === "response"));
      }
      expect(eventOf("link_ended", "mallory")).toBeUndefined();
      if ("nothing" in expected) expect(eventOf("refused", "mallory")).toBeUndefined();
      await link.send(cell.close("closed"));
      await within(5_000, "the end", () => field.alice.links("mallory").length === 0);
    }
    expect(await stop()).toBeGreaterThan(0);
    await field.peace();
    await rogue.transport.close();
  });
});

describe("a rogue among others", () => {
  it("answers requests of others: guessed correlation ids count only on the link they were asked on", async () => {
    const rogue = await createRogue(field, "mallory-1");
    const link = await rogue.dial();
    const ids: string[] = [];
    const stop = field.alice.onEnvelope(({ type, id }) => {
      if (type === "request") ids.push(id);
    });
    field.bob.handle("slow", () => pause(100).then(() => "the right answer"));
    const asked = field.alice.request("bob", "slow");
    await within(5_000, "the request", () => ids.length === 1);
    stop();
    const id = ids[0] as string;
    await link.message(envelope("response", { correlationId: id }, json('"a wrong answer"')), { flags: whole });
    await link.message(envelope("error", { correlationId: id, error: { code: "forbidden", message: "no", id: "x" } }), { flags: whole });
    await link.message(cancelOf(id), { flags: whole });
    expect(await asked).toBe("the right answer");
    expect(field.events.filter((event) => event.type === "refused" && event.peer === "mallory-1")).toHaveLength(2);
    await rogue.transport.close();
    await field.peace();
  });

  it("cancels requests of others: an id counts only within its link", async () => {
    const rogue = await createRogue(field, "mallory-2");
    const link = await rogue.dial();
    let seen = "";
    let fired = false;
    field.alice.handle("long", async (_, { id, signal }) => {
      seen = id;
      signal.addEventListener("abort", () => (fired = true));
      await pause(200);
      return "done";
    });
    const asked = field.bob.request("alice", "long");
    await within(5_000, "the handler", () => seen !== "");
    await link.message(cancelOf(seen), { flags: whole });
    expect(await asked).toBe("done");
    expect(fired).toBe(false);
    await rogue.transport.close();
    await field.peace();
  });

  it("answers twice, late, and with hostile errors: the first answer in time counts, and its text is clean", async () => {
    const rogue = await createRogue(field, "mallory-3");
    const asked = field.alice.request("mallory-3", "anything", 1, { timeout: 400 });
    await within(5_000, "the dial", () => rogue.accepted.length === 1);
    const [link] = rogue.accepted as [RogueLink];
    await within(5_000, "the request", () => link.got.length === 1);
    const first = link.got[0]?.header.id as string;
    // "cancelled" with the request's own id is what a caller says, not an answer: the call goes on.
    await link.message(cancelOf(first), { flags: whole });
    await link.message(envelope("response", { correlationId: first }, json('"one"')), { flags: whole });
    await link.message(envelope("response", { correlationId: first }, json('"two"')), { flags: whole });
    expect(await asked).toBe("one");
    await within(5_000, "the second to be refused", () => eventOf("refused", "mallory-3") !== undefined);

    const late = failure(field.alice.request("mallory-3", "anything", 2, { timeout: 60 }));
    await within(5_000, "the second request", () => link.got.length >= 2);
    const second = link.got.find(({ header }) => header.type === "request" && header.id !== first)?.header.id as string;
    expect((await late).code).toBe("timeout");
    await within(5_000, "the cancel", () => link.got.some(({ header }) => header.error?.code === "cancelled" && header.correlationId === second));
    field.events.length = 0;
    await link.message(envelope("response", { correlationId: second }, json('"late"')), { flags: whole });
    await within(5_000, "the late one to be refused", () => eventOf("refused", "mallory-3") !== undefined);

    for (const [payload, code] of [
      ['{"__proto__":{"polluted":1}}', "invalid_envelope"],
      ["[".repeat(1_000), "invalid_envelope"],
    ] as const) {
      const bad = failure(field.alice.request("mallory-3", "anything", 3, { timeout: 5_000 }));
      const before = link.got.length;
      await within(5_000, "the request", () => link.got.length > before);
      await link.message(envelope("response", { correlationId: link.got.at(-1)?.header.id as string }, json(payload)), { flags: whole });
      expect((await bad).code).toBe(code);
    }
    const told = failure(field.alice.request("mallory-3", "anything", 4, { timeout: 5_000 }));
    const before = link.got.length;
    await within(5_000, "the request", () => link.got.length > before);
    const error = { code: "internal", message: "x".repeat(1_024), id: "i" } as const;
    await link.message(envelope("error", { correlationId: link.got.at(-1)?.header.id as string, error }), { flags: whole });
    expect(await told).toMatchObject({ code: "internal", message: error.message });
    expect(counted).toBe(0);
    await rogue.transport.close();
    expect(field.tap.seen.has(secret.payload)).toBe(false);
    await field.peace();
  });
});
