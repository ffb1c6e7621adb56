import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ConversationVector, conversationVector } from "../../scripts/vectors/conversation.js";
import { fromHex, hex, join } from "./peer/bytes.js";
import { readEnvelope, writeEnvelope } from "./peer/envelope.js";
import { hs1Head, hs2Frame, hs3Frame, parseFrame, prologue } from "./peer/frames.js";
import { signCompact, verifyToken } from "./peer/identity.js";
import { createIncoming } from "./peer/incoming.js";
import { readMessage, split, startNoise, writeMessage } from "./peer/noise.js";
import { readPayload, writePayload } from "./peer/payload.js";
import { sha256 } from "./peer/primitives.js";
import { type Cell, readRecord, writeRecord } from "./peer/records.js";
import { createSession, type Session } from "./peer/session.js";

/* vectors/conversation.json: this project makes it again, and the second implementation follows the steps of vectors/README.md. */

const frozen = JSON.parse(readFileSync(new URL("../../vectors/conversation.json", import.meta.url), "utf8")) as ConversationVector;
const { initiator, responder, suite, dialled, frames } = frozen;
const bytesOf = (type: string): Uint8Array => fromHex(frames.find((one) => one.type === type)?.frame ?? "");
const nothing = new Uint8Array();

test("this project makes the same conversation from the same seeds", async () => {
  expect(JSON.parse(JSON.stringify(await conversationVector()))).toEqual(frozen);
});

describe("the second implementation", () => {
  const [hs1, hs2, hs3] = [parseFrame(bytesOf("HS1")), parseFrame(bytesOf("HS2")), parseFrame(bytesOf("HS3"))];
  if (hs1.type !== "hs1" || hs2.type !== "hs2" || hs3.type !== "hs3") throw new Error("no handshake");

  test("makes HS1, HS2 and HS3 from the secrets", () => {
    expect(hex(prologue(dialled, hs1.head))).toBe(frozen.prologue);
    const secrets = (role: "initiator" | "responder") => ({
      static: fromHex(frozen[role].staticSecret),
      ephemeral: fromHex(frozen[role].ephemeralSecret),
      kemSeed: fromHex(initiator.kemSeed),
      kemMessage: fromHex(responder.kemMessage),
    });
    const start = (role: "initiator" | "responder") => startNoise(suite, role === "initiator", prologue(dialled, hs1.head), secrets(role));
    const payload = (role: "initiator" | "responder") => (h: Uint8Array) => {
      expect(hex(h)).toBe(frozen[role].proofHash);
      return fromHex(frozen[role].payload);
    };
    const [alice1, message1] = writeMessage(start("initiator"), () => nothing);
    expect(hex(join(hs1Head(hs1), message1))).toBe(hex(bytesOf("HS1")));
    const [bob2, message2] = writeMessage(readMessage(start("responder"), message1).state, payload("responder"));
    expect(hex(hs2Frame(suite, hs1.sessionId, hs2.sessionId, hs2.replyAddress, message2))).toBe(hex(bytesOf("HS2")));
    const second = readMessage(alice1, message2);
    expect(hex(second.payload)).toBe(responder.payload);
    const [alice3, message3] = writeMessage(second.state, payload("initiator"));
    expect(hex(hs3Frame(suite, hs2.sessionId, message3))).toBe(hex(bytesOf("HS3")));
    const third = readMessage(bob2, message3);
    expect(hex(third.payload)).toBe(initiator.payload);
    for (const state of [alice3, third.state])
      expect(Object.fromEntries(Object.entries(split(state)).map(([name, value]) => [name, hex(value)]))).toEqual({
        initiator: frozen.initiatorKey,
        responder: frozen.responderKey,
        h: frozen.hash,
      });
  });

  test.each(["initiator", "responder"] as const)("makes the payload of the %s with its proof, and believes its token", async (role) => {
    const { payload: made, proofHash, privateJwk, id } = frozen[role];
    const key = createPrivateKey({ key: privateJwk as never, format: "jwk" });
    const { payload, proof } = readPayload(fromHex(made));
    expect(hex(writePayload(payload, role === "initiator" ? 0 : 1, fromHex(proofHash), key))).toBe(made);
    expect(proof).toHaveLength(signCompact(key, "tightbeam-pop+jws", new Uint8Array(81)).length);
    const issuer = { name: "https://auth.example", jwk: frozen.issuerJwk };
    expect(await verifyToken(payload.token, issuer, frozen.time)).toMatchObject({ id, permissions: ["call:*"] });
  });

  test("opens and seals each record, reads and writes its cells and the envelopes in them", () => {
    const [own, theirs] = [hs1.sessionId, hs2.sessionId];
    const keys = { initiator: fromHex(frozen.initiatorKey), responder: fromHex(frozen.responderKey) };
    const sessionOf = (role: "initiator" | "responder"): Session =>
      role === "initiator"
        ? createSession({ own, theirs, sendKey: keys.initiator, receiveKey: keys.responder })
        : createSession({ own: theirs, theirs: own, sendKey: keys.responder, receiveKey: keys.initiator });
    const sessions = { initiator: sessionOf("initiator"), responder: sessionOf("responder") };
    const said: string[] = [];
    const incoming = (from: string) =>
      createIncoming({
        onMessage({ bytes, lane }) {
          const envelope = readEnvelope(bytes);
          expect(hex(writeEnvelope(envelope))).toBe(hex(bytes));
          said.push(`${from} ${envelope.type} ${envelope.name ?? envelope.error?.code ?? ""} in lane ${lane}`);
        },
        onDone: ({ outcome }) => said.push(`${from} done ${outcome}`),
      });
    const lanes = { initiator: incoming("alice"), responder: incoming("bob") };
    const cells: Cell[] = [];
    for (const { from, type, frame, ...one } of frames) {
      if (type !== "DATA" || !("record" in one)) continue;
      const data = parseFrame(fromHex(frame));
      if (data.type !== "data") throw new Error("no DATA");
      const { counter, record } = sessions[from === "initiator" ? "responder" : "initiator"].open(data, frozen.time);
      expect([counter, hex(record)]).toEqual([one.counter, one.record]);
      expect(sessions[from].seal(record)).toMatchObject({ counter, frame: fromHex(frame) });
      const read = readRecord(record);
      expect(hex(writeRecord(read))).toBe(one.record);
      for (const cell of read) if (cell.type === "msg" || cell.type === "done") lanes[from].take(cell);
      cells.push(...read);
    }
    const [ready] = cells;
    expect(ready).toMatchObject({ type: "ready", continued: false, hash: sha256(fromHex(initiator.payload)) });
    expect(cells.at(-1)).toEqual({ type: "close", code: "closed" });
    expect(said.sort()).toMatchInlineSnapshot(`
      [
        "alice notification note in lane 1",
        "alice notification tb/hello in lane 2",
        "alice request greet in lane 2",
        "alice request length in lane 2",
        "alice request missing in lane 2",
        "alice response  in lane 2",
        "bob done 0",
        "bob error no_handler in lane 2",
        "bob notification tb/hello in lane 2",
        "bob request echo in lane 2",
        "bob response  in lane 2",
        "bob response  in lane 2",
      ]
    `);
  });
});
