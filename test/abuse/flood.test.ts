import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as cellType from "../../packages/core/src/frame/cell-type.js";
import type { Address } from "../../packages/core/src/transport/address.js";
import { carried } from "../../packages/websocket/test/tap.js";
import { createField, type Field, failure, heap, pause, within } from "./field.js";
import { callFlags, cell, createRogue, envelope, noBytes, type Rogue, type RogueLink, text, whole } from "./rogue.js";

/*
 * Storms: what does a byte of a hostile peer make alice send, and what does it leave in her memory? Only she and the rogue are on the wire
 * while it is counted.
 */

let field: Field;
beforeAll(async () => {
  field = await createField();
  field.alice.handle("echo", (input) => input);
});
afterAll(() => field.close());

const aliceConn = () => {
  for (const conn of field.tap.conns) if (conn.name === "alice") return conn;
  throw new Error("alice has no connection");
};

interface Storm {
  readonly name: string;
  make(link: RogueLink, rogue: Rogue): Promise<unknown>;
  /** The most bytes alice may send for each that she receives. */
  readonly most: number;
  readonly ends?: true;
}

const many = async (count: number, send: () => Promise<void>): Promise<void> => {
  for (let sent = 0; sent < count; sent++) await send();
};

const storms: Storm[] = [
  { name: "PINGs, one a record", make: (link) => many(3_000, () => link.send(cell.ping())), most: 3 },
  { name: "PINGs, a thousand a record", make: (link) => many(50, () => link.send(...Array.from({ length: 1_000 }, () => cell.ping()))), most: 0.1 },
  { name: "calls for credit", make: (link) => many(3_000, () => link.send(cell.askCredit())), most: 3 },
  { name: "ACKs of nothing", make: (link) => many(3_000, () => link.send(cell.ack(2, 0, [{ start: 3, end: 9 }], 7))), most: 0.5 },
  { name: "empty records", make: (link) => many(3_000, () => link.send()), most: 0.5 },
  {
    name: "copies of one cell",
    make: (link) => many(2_000, () => link.send(cell.msg(2, 0, whole, envelope("response", { correlationId: "018f0000-0000-7000-8000-000000000000" })))),
    most: 3,
  },
  { name: "sequence numbers far away", make: (link) => many(2_000, () => link.send(cell.msg(1, 2 ** 40, callFlags, noBytes))), most: 3 },
  { name: "requests for nobody", make: (link) => many(2_000, () => link.message(envelope("request", { method: "x" }))), most: 4 },
  { name: "messages that are no envelopes", make: (link) => many(2_000, () => link.message(text("x"), { flags: whole })), most: 3 },
  { name: "CLOSEs", make: (link) => many(500, () => link.send(cell.close("closed"))), most: 1.5, ends: true },
  { name: "a malformed cell, again and again", make: (link) => many(500, () => link.send(cell.raw(99, 0, noBytes))), most: 3, ends: true },
  { name: "READY, again and again", make: (link) => many(500, () => link.send(cell.raw(cellType.ready, 0, new Uint8Array(96)))), most: 0.5 },
  {
    name: "DATA for sessions that are none",
    make: (link, rogue) =>
      many(2_000, () => rogue.transport.send(link.established.peer.inbox, Uint8Array.of(0x14, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, ...new Uint8Array(40)))),
    most: 0.01,
  },
  {
    name: "frames of no kind at all",
    make: (link, rogue) => many(2_000, () => rogue.transport.send(link.established.peer.inbox, new Uint8Array(60).fill(0x77))),
    most: 0.01,
  },
];

describe("a storm is not made larger", () => {
  it.each(storms)("$name: at most $most bytes for each", async ({ make, most, ends }) => {
    const rogue = await createRogue(field);
    const link = await rogue.dial();
    // Whatever the handshake still has to say.
    await pause(120);
    const conn = aliceConn();
    const before = { up: conn.up.bytes, down: conn.down.bytes };
    await make(link, rogue);
    await within(20_000, "the storm's arrival", () => conn.down.bytes - before.down > 15_000);
    await pause(200);
    const [sent, received] = [conn.up.bytes - before.up, conn.down.bytes - before.down];
    expect(sent / received).toBeLessThanOrEqual(most);
    expect(field.alice.links("mallory")).toHaveLength(ends ? 0 : 1);
    if (!ends) await link.send(cell.close("closed"));
    await within(5_000, "the end", () => field.alice.links("mallory").length === 0);
    await rogue.transport.close();
    await field.peace();
  });

  it("an HS1 played again a hundred times, also towards a third party: a bounded number of answers", async () => {
    const recorded: Uint8Array[] = [];
    field.tap.meddle = ({ way, bytes }) => {
      const frame = way === "up" ? carried(bytes) : undefined;
      if (frame?.kind === 1 && frame.address === "agent/alice") recorded.push(bytes);
      return [bytes];
    };
    const rogue = await createRogue(field, "repeater");
    await rogue.dial();
    const conn = aliceConn();
    const before = { up: conn.up.messages, bytes: conn.up.bytes };
    const [hs1] = recorded as [Uint8Array];
    const victim = [...field.tap.conns].find(({ name }) => name === "repeater");
    for (let round = 0; round < 100; round++) victim?.toRelay(hs1);
    await pause(300);
    expect(conn.up.messages - before.up).toBeLessThanOrEqual(16 + 8);
    expect(conn.up.bytes - before.bytes).toBeLessThan(0.5 * 100 * hs1.length);
    field.tap.meddle = ({ bytes }) => [bytes];
    await rogue.transport.close();
    await field.peace();
  });
});

describe("nothing piles up", () => {
  it("handshakes and ends, one after the other: no link is kept", async () => {
    const rogue = await createRogue(field, "visitor");
    const seen: WeakRef<object>[] = [];
    for (let round = 0; round < 100; round++) {
      const link = await rogue.dial();
      await link.message(envelope("request", {}, text('"x"')));
      await within(5_000, "the answer", () => link.got.length === 1);
      for (const open of field.alice.links("visitor")) seen.push(new WeakRef(open));
      await link.send(cell.close("closed"));
      await within(5_000, "the end", () => field.alice.links("visitor").length === 0);
      rogue.forget(link);
    }
    // CLOSE lingers for 2.4 s.
    await field.peace();
    await expect.poll(() => heap().then(() => seen.filter((link) => link.deref() !== undefined).length), { timeout: 15_000, interval: 500 }).toBeLessThan(5);
    expect(seen.length).toBeGreaterThanOrEqual(100);
    await rogue.transport.close();
    await field.peace();
  });

  it("handshakes that are never finished, in both directions: 16 wait at most, then none", async () => {
    const rogue = await createRogue(field, "sleeper");
    // As initiator: HS1 after HS1, and whatever alice answers is dropped.
    field.tap.meddle = ({ way, conn, bytes }) => (way === "down" && conn.name === "sleeper" ? [] : [bytes]);
    const dials = Array.from({ length: 60 }, () =>
      rogue.handshakes.dial("agent/alice" as Address, { timeout: 900 }).catch((error: { code: string }) => error.code),
    );
    const started = field.alice.status().handshakes.started;
    expect(new Set(await Promise.all(dials))).toEqual(new Set(["no_answer"]));
    expect(field.alice.status().handshakes.started - started).toBeLessThanOrEqual(16);
    expect(field.alice.status().handshakes.retrySent).toBeGreaterThan(0);
    // As responder: alice dials, gets HS2, and no READY ever.
    field.tap.meddle = ({ bytes }) => {
      const frame = carried(bytes);
      return frame?.kind === 3 ? [] : [bytes];
    };
    for (let count = 0; count < 5; count++) expect((await failure(field.alice.link("sleeper", { timeout: 250 }))).code).toBe("handshake_failed");
    expect(field.alice.links("sleeper")).toEqual([]);
    field.tap.meddle = ({ bytes }) => [bytes];
    await rogue.transport.close();
    await field.peace();
  });
});
