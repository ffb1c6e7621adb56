import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type CellsVectors, cellsVectors } from "../../../../scripts/vectors/cells.js";
import { type CellVector, encodeRecord, flagBits } from "../../../../scripts/vectors/record.js";
import { fromHex, toHex } from "../../src/bytes.js";
import * as cellType from "../../src/frame/cell-type.js";
import { noCounter, saysTotal, totalBytes } from "../../src/link/cells.js";
import { type Lane, outcomes } from "../../src/link/message.js";
import { readCells } from "../../src/link/read-cells.js";
import { decodeLinkOffer } from "../../src/link/resume.js";
import { parseReady } from "../../src/secure/ready.js";
import { createNetwork } from "./network.js";

const frozen = JSON.parse(readFileSync(new URL("../../../../vectors/cells.json", import.meta.url), "utf8")) as CellsVectors;

/** What stands in a record, in the words of the vectors; of a MSG its own bytes, and what it says of the whole. */
function read(record: Uint8Array): unknown[] {
  const seen: unknown[] = [];
  const whole = readCells(record, {
    sequenced(type, flags, lane, sequence, start, end) {
      const body = record.subarray(start, end);
      if (type === cellType.done) {
        expect([flags, lane]).toEqual([flagBits.first | flagBits.last, 0]);
        const number = Number.parseInt(toHex(body.subarray(1, 7)), 16);
        seen.push({ type: "done", sequence, of: { lane: body[0], sequence: number }, outcome: outcomes[body[7] as number] });
        return;
      }
      const names = (Object.keys(flagBits) as (keyof typeof flagBits)[]).filter((name) => (flags & flagBits[name]) !== 0);
      const head = saysTotal(flags) ? totalBytes : 0;
      const total = head === 0 ? undefined : Number.parseInt(toHex(body.subarray(0, head)), 16);
      seen.push({ type: "msg", lane, sequence, flags: names, total, bytes: toHex(body.subarray(head)) });
    },
    ack: ({ highest, ...rest }) => void seen.push({ type: "ack", highest: highest === noCounter ? null : highest, ...rest }),
    credit: (grant, blocked) => void seen.push({ type: "credit", blocked, ...(grant && { grant }) }),
    ping: (wall) => void seen.push({ type: "ping", wall }),
    pong: (echoed, wall) => void seen.push({ type: "pong", echoed, wall }),
    closed: (code) => void seen.push({ type: "close", code }),
  });
  expect(whole).toBe(true);
  return seen;
}

/** A cell as `read` tells it. */
function told(cell: CellVector): unknown {
  if (cell.type !== "msg") return cell;
  const { type, lane, sequence, flags, data, start = 0, end = data.length / 2 } = cell;
  const total = flags.includes("first") && !flags.includes("last") ? data.length / 2 : undefined;
  return { type, lane, sequence, flags, total, bytes: data.slice(2 * start, 2 * end) };
}

describe("vectors/cells.json", () => {
  it("is what the script makes: a change is a change of protocol", () => {
    expect(JSON.parse(JSON.stringify(cellsVectors()))).toEqual(frozen);
    const types = new Set(frozen.records.flatMap(({ cells }) => cells.map(({ type }) => type)));
    expect([...types].sort()).toEqual(["ack", "close", "credit", "done", "msg", "ping", "pong"]);
  });

  it.each(frozen.records)("$description", (vector) => {
    expect(read(fromHex(vector.record))).toEqual(vector.cells.map(told));
    expect(toHex(encodeRecord(vector))).toBe(vector.record);
  });

  it.each(frozen.breaches)("a breach: $description", ({ code, record }) => {
    const network = createNetwork({ seed: 1 });
    expect(network.inject(1, fromHex(record))).toBe(false);
    expect(network.sides[1].ended).toEqual([{ code, byPeer: false }]);
  });

  it("the fragments of a message come out as one, on a link that gets the records", () => {
    const network = createNetwork({ seed: 1 });
    const [, receiver] = network.sides;
    const got: string[] = [];
    receiver.onDelivery = (delivery) => {
      got.push(`${delivery.lane satisfies Lane} ${toHex(delivery.bytes)}`);
      delivery.settle("ok");
    };
    const whole = frozen.records.filter(({ cells }) => cells.every(({ type, ...cell }) => type === "msg" && "sequence" in cell && cell.sequence < 2));
    for (const { record } of whole) network.inject(1, fromHex(record));
    expect(receiver.ended).toEqual([]);
    // One critical, two normal; what was given up reaches nobody.
    expect(got).toEqual(["2 48656c6c6f", "2 48656c6c6f", "0 48656c6c6f"]);
  });

  it("LINK and its keys are what the protocol says of them", () => {
    const { instances, halves, key, h, finalHash, begins, continues, answers } = frozen.link;
    expect(instances[0] < instances[1]).toBe(true);
    expect(
      createHash("sha256")
        .update(fromHex(halves.join("")))
        .digest("hex"),
    ).toBe(key);
    const mac = (role: number, over: string): string =>
      createHmac("sha256", fromHex(key)).update("tightbeam/1 resume\0").update(Uint8Array.of(role)).update(fromHex(over)).digest("hex");
    expect([begins, continues, answers].map((link) => link.length / 2)).toEqual([60, 92, 92]);
    expect([continues, answers].map((link) => link.slice(120))).toEqual([mac(0, h), mac(1, finalHash)]);
    const next = [0, 5, 2 ** 32, 2 ** 48 - 1];
    expect(decodeLinkOffer(fromHex(begins))).toEqual({ half: fromHex(halves[0]), generation: 0, next: [0, 0, 0, 0], mac: undefined });
    expect(decodeLinkOffer(fromHex(continues))).toEqual({ half: fromHex(halves[0]), generation: 7, next, mac: fromHex(mac(0, h)) });
    expect(decodeLinkOffer(fromHex(answers))).toEqual({ half: fromHex(halves[1]), generation: 7, next, mac: fromHex(mac(1, finalHash)) });
  });

  it("READY says whether the link continues, and what follows it is read on", () => {
    const { readyContinued, readyNew, payloadHash, answers } = frozen.link;
    const ready = parseReady(fromHex(readyContinued));
    expect(ready).toMatchObject({ continued: true, payloadHash: fromHex(payloadHash), link: fromHex(answers) });
    expect(read(ready?.cells ?? new Uint8Array(1))).toEqual([expect.objectContaining({ type: "ping" })]);
    expect(parseReady(fromHex(readyNew))).toMatchObject({ continued: false, cells: new Uint8Array(0) });
  });
});
