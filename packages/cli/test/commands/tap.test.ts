import { describe, expect, it } from "vitest";
import { openFields } from "../../src/commands/tap/frame.js";
import { readRelayFrame } from "../../src/commands/tap/relay-frame.js";
import { createWebSocketReader, type Heard } from "../../src/commands/tap/websocket-reader.js";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const text = (value: string): string => Buffer.from(value).toString("hex");

describe("what stands openly in a frame", () => {
  const replyTo = "inbox/bob/AAAAAAAAAAAAAAAAAAAAAA";
  const address = `${replyTo.length.toString(16).padStart(4, "0")} ${text(replyTo)}`;
  const cases: [name: string, hex: string, fields: object][] = [
    ["data", `14 00 0000 00000000000000ab 0000000000000007 ${"ff".repeat(30)}`, { kind: "data", session: "00000000000000ab", counter: 7, sealed: 30 }],
    [
      "hs1",
      `11 00 0101 0000000000000000 1122334455667788 ${address} 02 0101 0001 ${"ee".repeat(10)}`,
      { kind: "hs1", suite: "hybrid", replyTo, suites: ["hybrid", "classical"], sealed: 10 },
    ],
    ["hs2", `12 00 0101 00000000000000ab 1122334455667788 ${address} ${"ee".repeat(9)}`, { kind: "hs2", replyTo, sealed: 9 }],
    ["hs3", `13 00 0101 00000000000000ab ${"ee".repeat(8)}`, { kind: "hs3", sealed: 8 }],
    ["retry", `15 00 0101 00000000000000ab ${address} 34 ${"ee".repeat(52)}`, { kind: "retry", replyTo, sealed: 53 }],
    ["a presence hint", `17 ${"00".repeat(20)}`, { kind: "presence" }],
    ["another version", `24 ${"00".repeat(40)}`, { kind: "unknown", sealed: 41 }],
    ["a type nobody knows", `19 ${"00".repeat(40)}`, { kind: "unknown" }],
    ["a frame cut short", "14 00 0000 00000000", { kind: "unknown", sealed: 8 }],
    ["data without a counter", "14 00 0000 00000000000000ab 00", { kind: "unknown" }],
    ["an address longer than the frame", "11 00 0101 0000000000000000 1122334455667788 ffff 41", { kind: "hs1", sealed: 11 }],
    ["more suites than there are", `11 00 0101 0000000000000000 1122334455667788 ${address} ff 0101`, { kind: "hs1", replyTo }],
    ["nothing", "", { kind: "unknown", sealed: 0 }],
  ];
  it.each(cases)("%s", (_, hex, fields) => expect(openFields(bytes(hex))).toMatchObject(fields));
});

it("a frame of a relay says what it is, as far as it is one", () => {
  expect(readRelayFrame(Buffer.from(bytes(`08 00000000 0003 ${text("a/b")} 1122`)))).toEqual({
    name: "SEND",
    request: 0,
    address: "a/b",
    body: Buffer.from([0x11, 0x22]),
  });
  for (const hex of ["", "00 00000000 0000", "ff 00000000 0000", "08 0000", "08 00000000 0009 41"])
    expect(readRelayFrame(Buffer.from(bytes(hex)))).toBeUndefined();
});

describe("reading a WebSocket on its way", () => {
  function reading() {
    const said: unknown[] = [];
    const heard: Heard = {
      head: (line) => said.push(line),
      binary: (message) => said.push(message.toString("hex")),
      closed: (code, reason) => said.push([code, reason]),
      lost: (why) => said.push(why),
    };
    return { said, reader: createWebSocketReader(heard) };
  }
  const head = Buffer.from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");

  it("finds messages whatever the pieces: short, long, masked, in parts, with pings between", () => {
    const long = Buffer.alloc(70_000, 1);
    const header = Buffer.concat([Buffer.from([0x82, 127]), Buffer.alloc(8)]);
    header.writeBigUInt64BE(70_000n, 2);
    const middle = Buffer.concat([Buffer.from([0x82, 126, 0x01, 0x00]), Buffer.alloc(256, 2)]);
    const all = Buffer.concat([head, bytes("8202abcd 8283 01020304 a0a2a4 89 00 0201aa 8001bb"), header, long, middle, bytes("8805 0fa6 627965")]);
    const expected = ["HTTP/1.1 101 Switching Protocols", "abcd", "a1a0a7", "aabb", long.toString("hex"), "02".repeat(256), [4006, "bye"]];
    for (const size of [13, 4_096, all.length]) {
      const { said, reader } = reading();
      for (let at = 0; at < all.length; at += size) reader.push(all.subarray(at, at + size));
      expect(said).toEqual(expected);
    }
  });

  it("TM-248 takes no more parts of one message than a bound, though none has a byte", () => {
    const { said, reader } = reading();
    reader.push(head);
    const empty = Buffer.alloc(64 * 1_024);
    for (let round = 0; round < 8; round += 1) reader.push(empty);
    expect(said).toEqual(["HTTP/1.1 101 Switching Protocols", "a message in too many parts"]);
  });

  it("TM-248 holds no more than a bound, whatever is declared, and says so once", () => {
    const { said, reader } = reading();
    reader.push(Buffer.concat([head, bytes("82 7f 7fffffffffffffff")]));
    reader.push(Buffer.alloc(10));
    expect(said).toEqual(["HTTP/1.1 101 Switching Protocols", "a message of 9223372036854776000 bytes"]);
  });
});
