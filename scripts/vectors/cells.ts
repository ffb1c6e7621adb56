import { concat, toHex } from "../../packages/core/src/bytes.js";
import { crypto } from "../../packages/core/src/crypto/index.js";
import { outcomes } from "../../packages/core/src/link/message.js";
import { encodeLinkOffer, linkKey, resumeMac } from "../../packages/core/src/link/resume.js";
import { buildReady } from "../../packages/core/src/secure/ready.js";
import { encodeRecord, type RecordVector } from "./record.js";

export interface CellsVectors {
  readonly about: string;
  readonly records: readonly (RecordVector & { readonly record: string })[];
  readonly breaches: readonly { readonly description: string; readonly code: "malformed" | "flow"; readonly record: string }[];
  readonly link: {
    readonly instances: readonly [string, string];
    readonly halves: readonly [string, string];
    readonly key: string;
    readonly h: string;
    readonly finalHash: string;
    readonly begins: string;
    readonly continues: string;
    readonly answers: string;
    readonly readyContinued: string;
    readonly readyNew: string;
    readonly payloadHash: string;
  };
}

const wall = 1_750_000_000_000;
const text = "48656c6c6f";
const long = Array.from({ length: 40 }, (_, i) => i.toString(16).padStart(2, "0")).join("");
const most = 2 ** 48 - 1;

const made: readonly RecordVector[] = [
  { description: "a reply in one cell", cells: [{ type: "msg", lane: 2, sequence: 0, flags: ["first", "last"], data: text }] },
  { description: "a request that counts against credit", cells: [{ type: "msg", lane: 2, sequence: 1, flags: ["first", "last", "intake"], data: text }] },
  {
    description: "a critical notification whose sender waits for DONE",
    cells: [{ type: "msg", lane: 0, sequence: 0, flags: ["first", "last", "intake", "wantsDone"], data: text }],
  },
  { description: "an empty message with the highest number", cells: [{ type: "msg", lane: 3, sequence: most, flags: ["first", "last"], data: "" }] },
  {
    description: "a message of 40 bytes in three fragments: the first says how long it is",
    cells: [
      { type: "msg", lane: 1, sequence: 4, flags: ["first", "intake"], data: long, start: 0, end: 16 },
      { type: "msg", lane: 1, sequence: 5, flags: [], data: long, start: 16, end: 32 },
      { type: "msg", lane: 1, sequence: 6, flags: ["last"], data: long, start: 32, end: 40 },
    ],
  },
  {
    description: "a message given up after its first fragment",
    cells: [
      { type: "msg", lane: 3, sequence: 0, flags: ["first"], data: long, start: 0, end: 16 },
      { type: "msg", lane: 3, sequence: 1, flags: ["abort"], data: "" },
    ],
  },
  ...outcomes.map(
    (outcome, index): RecordVector => ({
      description: `DONE: ${outcome}`,
      cells: [{ type: "done", sequence: index, of: { lane: 2, sequence: 2 ** 32 + index }, outcome }],
    }),
  ),
  { description: "ACK before anything came", cells: [{ type: "ack", highest: null, delay: 0, repeated: 0, lanes: [] }] },
  {
    description: "ACK of two lanes, one of them with gaps",
    cells: [
      {
        type: "ack",
        highest: 65_536,
        delay: 4_500,
        repeated: 3,
        lanes: [
          { lane: 0, next: 7, ranges: [] },
          {
            lane: 2,
            next: 2 ** 32,
            ranges: [
              { start: 2 ** 32 + 1, end: 2 ** 32 + 3 },
              { start: 2 ** 32 + 10, end: 2 ** 32 + 11 },
            ],
          },
        ],
      },
    ],
  },
  {
    description: "CREDIT: totals since the link began",
    cells: [{ type: "credit", blocked: false, grant: { ordinary: { count: 5_120, bytes: 20_971_520 }, critical: { count: 320, bytes: 1_310_720 } } }],
  },
  { description: "CREDIT: blocked, and nothing to grant", cells: [{ type: "credit", blocked: true }] },
  { description: "PING", cells: [{ type: "ping", wall }] },
  { description: "PONG", cells: [{ type: "pong", echoed: wall, wall: wall + 7 }] },
  { description: "CLOSE", cells: [{ type: "close", code: "closed" }] },
  {
    description: "several cells in one record, and padding",
    cells: [
      { type: "ack", highest: 1, delay: 0, repeated: 0, lanes: [{ lane: 2, next: 1, ranges: [] }] },
      { type: "msg", lane: 2, sequence: 0, flags: ["first", "last"], data: text },
      { type: "msg", lane: 2, sequence: 1, flags: ["first", "last"], data: "00" },
      { type: "ping", wall },
    ],
    padding: 5,
  },
];

/** As they stand on the wire; each is the first record that a link gets. */
const breaches: CellsVectors["breaches"] = [
  { description: "an unknown type", code: "malformed", record: "09000000" },
  { description: "a header cut short", code: "malformed", record: "050000" },
  { description: "a body cut short", code: "malformed", record: "050000060123" },
  { description: "padding that is not zero", code: "malformed", record: "00000001" },
  { description: "MSG without its number", code: "malformed", record: "010c000400000000" },
  { description: "MSG with an unknown flag", code: "malformed", record: "018c000700000000000000" },
  { description: "a fragment that continues nothing", code: "malformed", record: "0100000700000000000048" },
  { description: "a first fragment without the length of the whole", code: "malformed", record: "0104000700000000000048" },
  { description: "an abort of nothing", code: "malformed", record: "01100006000000000000" },
  { description: "DONE for a message that was never sent", code: "malformed", record: "030c000e0000000000000200000000000000" },
  { description: "ACK for a lane that does not exist", code: "malformed", record: "0210000cffffffffffff000000000000" },
  { description: "ACK cut short", code: "malformed", record: "0201000cffffffffffff000000000000" },
  { description: "ACK with an empty range", code: "malformed", record: "02010018ffffffffffff0000000000000000000000000001" + "00010000" },
  { description: "CREDIT that says nothing", code: "malformed", record: "04000000" },
  { description: "CREDIT that grants nothing", code: "malformed", record: "04010000" },
  { description: "PING with a flag", code: "malformed", record: "05010006000000000000" },
  { description: "PING of 5 bytes", code: "malformed", record: "050000050000000000" },
  { description: "CLOSE without a code", code: "malformed", record: "08000000" },
];

const instances = ["AAECAwQFBgcICQoLDA0ODw", "EBESExQVFhcYGRobHB0eHw"] as const;

function linkVectors(): CellsVectors["link"] {
  const { sha256 } = crypto();
  const filled = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
  const [half, peerHalf, h, finalHash, payloadHash] = [0x11, 0x22, 0x33, 0x44, 0x55].map(filled) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const key = linkKey(sha256, { instance: instances[0], half }, { instance: instances[1], half: peerHalf });
  const next = [0, 5, 2 ** 32, most];
  const begins = encodeLinkOffer({ half, generation: 0, next: [0, 0, 0, 0], mac: undefined });
  const continues = encodeLinkOffer({ half, generation: 7, next, mac: resumeMac(sha256, key, 0, h) });
  const answers = encodeLinkOffer({ half: peerHalf, generation: 7, next, mac: resumeMac(sha256, key, 1, finalHash) });
  return {
    instances,
    halves: [toHex(half), toHex(peerHalf)],
    key: toHex(key),
    h: toHex(h),
    finalHash: toHex(finalHash),
    begins: toHex(begins),
    continues: toHex(continues),
    answers: toHex(answers),
    payloadHash: toHex(payloadHash),
    readyContinued: toHex(concat(buildReady(payloadHash, true, answers), encodeRecord({ description: "", cells: [{ type: "ping", wall }] }))),
    readyNew: toHex(buildReady(payloadHash, false, encodeLinkOffer({ half: peerHalf, generation: 0, next: [0, 0, 0, 0], mac: undefined }))),
  };
}

/** The vectors of what a record holds, and of LINK and READY: always the same. */
export function cellsVectors(): CellsVectors {
  return {
    about:
      "What Tightbeam records hold, version 1 (docs/protocol.md, section 6). Bytes are hex. Reading `record` gives `cells`, writing them gives `record`; each of `breaches` ends the link with CLOSE and its code. `link`: the initiator is the first of `instances`; `begins` and `continues` are its LINK in message 3, `answers` is READY's, whose MAC is over `finalHash`; `readyContinued` is a record that goes on with a PING.",
    records: made.map((each) => ({ ...each, record: toHex(encodeRecord(each)) })),
    breaches,
    link: linkVectors(),
  };
}
