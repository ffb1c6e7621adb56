import { afterEach, describe, expect, it } from "vitest";
import { concat } from "../../packages/core/src/bytes.js";
import { crypto } from "../../packages/core/src/crypto/index.js";
import { frameType, parseHs1 } from "../../packages/core/src/frame/frame.js";
import * as frameTypes from "../../packages/core/src/frame/frame-types.js";
import * as msgFlag from "../../packages/core/src/frame/msg-flag.js";
import { encodeLinkOffer } from "../../packages/core/src/link/resume.js";
import { buildReady } from "../../packages/core/src/secure/ready.js";
import { createSession } from "../../packages/core/src/secure/session.js";
import { type Address, agentAddress } from "../../packages/core/src/transport/address.js";
import { rawHs2 } from "../../packages/core/test/secure/raw.js";
import { createField, type Field, failure, within } from "./field.js";
import { callFlags, cell, createRogue, envelope, type RogueLink, runtime } from "./rogue.js";

/*
 * One peer never gets more than its share: of memory, of sessions, of answers. Small limits stand for large ones.
 */

const MiB = 1024 * 1024;
let field: Field;
afterEach(() => field.close());

async function small(budget: number): Promise<void> {
  field = await createField({ alice: { limits: { memoryBudgetBytes: budget, messageMaxBytes: 4 * MiB } } });
  field.alice.handle("size", (input) => (input as Uint8Array).length);
  field.alice.handle("give", (input) => new Uint8Array(input as number));
}

/** What others need while one peer holds all it can get. */
async function othersAreServed(): Promise<void> {
  expect(await field.bob.request("alice", "size", new Uint8Array(MiB))).toBe(MiB);
  expect(((await field.bob.request("alice", "give", MiB)) as Uint8Array).length).toBe(MiB);
}

describe("TM-62 the memory budget", () => {
  it("messages that are never finished, in all four lanes, from many instances of one agent", async () => {
    await small(8 * MiB);
    const links: RogueLink[] = [];
    for (let instance = 0; instance < 3; instance++) {
      const link = await (await createRogue(field)).dial();
      links.push(link);
      for (const lane of [0, 1, 2, 3] as const) {
        for (let sent = 0; sent < 3 * MiB; sent += 16_000) {
          const sequence = (link.next[lane] as number)++;
          const bytes = new Uint8Array(16_000);
          await link.send(sent === 0 ? cell.first(lane, sequence, msgFlag.intake, bytes, 4 * MiB) : cell.msg(lane, sequence, 0, bytes));
          // Faster, and the receiver's inbox would drop some of it: rogues do not send again.
          if ((link.next[lane] as number) % 50 === 0) await within(10_000, "it to be taken", () => link.acked[lane] === link.next[lane]);
        }
        await within(10_000, "it all to be taken", () => link.acked[lane] === link.next[lane]);
      }
    }
    expect(field.alice.status().memory.used).toBeLessThanOrEqual(4 * MiB);
    await othersAreServed();
    for (const link of links) await link.send(cell.close("closed"));
    await within(10_000, "it to be given back", () => field.alice.status().memory.used === 0);
    await field.peace();
  });

  it("answers that are never acknowledged: in the end the link of whoever takes none is closed", async () => {
    await small(8 * MiB);
    const rogue = await createRogue(field);
    const link = await rogue.dial();
    rogue.acknowledges = false;
    const ended = new Promise<string>((resolve) => field.alice.onEvent((event) => event.type === "link_ended" && resolve(event.error.code)));
    let over = false;
    void ended.then(() => {
      over = true;
    });
    const ask = async (): Promise<void> => {
      for (let asked = 0; asked < 60_000 && !over; asked += 200) {
        const batch = Array.from({ length: 200 }, () => cell.msg(2, (link.next[2] as number)++, callFlags, envelope("request", { method: "nobody" })));
        await link.send(...batch.slice(0, 100));
        await link.send(...batch.slice(100));
        await within(5_000, "credit", () => over || (link.acked[2] as number) >= (link.next[2] as number) - 400);
      }
    };
    await ask();
    expect(field.alice.status().memory.used).toBeLessThanOrEqual(4 * MiB);
    expect(await ended).toBe("closed");
    await within(5_000, "a CLOSE that says why", () => link.closes.includes("overloaded"));
    await othersAreServed();
    await within(10_000, "it to be given back", () => field.alice.status().memory.used === 0);
    await field.peace();
  });
});

describe("TM-62 sessions and links", () => {
  it("a link that ends in the record that begins it is not kept", async () => {
    await small(64 * MiB);
    const rogue = await createRogue(field, "bystander");
    const identity = await field.authority.enroll("mallory");
    let answered: Awaited<ReturnType<typeof rawHs2>> & { replyTo: Address; remoteId: Uint8Array };
    const instance = "m".repeat(22);
    const { connectWebSocket } = await import("@tightbeam/websocket");
    const transport = await connectWebSocket(field.tap.url, { identity, instance });
    field.closeLater(() => transport.close());
    const receive = async (frame: Uint8Array): Promise<void> => {
      if (frameType(frame) === frameTypes.hs1) {
        const hs1 = parseHs1(frame);
        if (typeof hs1 === "string") return;
        const made = await rawHs2(identity, instance, "agent/mallory", frame, Date.now());
        answered = { ...made, replyTo: hs1.replyTo as Address, remoteId: hs1.sessionId.slice() };
        await transport.send(answered.replyTo, made.frame);
      } else if (frameType(frame) === frameTypes.hs3) {
        const { handshake, replyTo, remoteId } = answered;
        const payload = answered.read(frame);
        const hash = handshake.hash;
        const exporter = handshake.exporter("tightbeam/1 exporter\0");
        const { send, receive: receiveKey } = handshake.splitKeys() as { send: Uint8Array; receive: Uint8Array };
        const options = {
          suite: 0x0101,
          localId: 9,
          remoteId,
          sendKey: send,
          receiveKey,
          hash,
          exporter,
          aead: crypto().chachaPoly,
          clock: runtime.clock,
        } as const;
        const offer = encodeLinkOffer({ half: new Uint8Array(32).fill(5), generation: 0, next: [0, 0, 0, 0], mac: undefined });
        await transport.send(replyTo, createSession(options).seal(concat(buildReady(crypto().sha256.digest(payload), false, offer), cell.close("closed"))));
      }
    };
    await transport.subscribe(`inbox/mallory/${instance}` as Address, receive);
    await transport.subscribe(agentAddress("mallory"), receive, { group: "mallory" });
    for (let round = 0; round < 3; round++) {
      expect((await failure(field.alice.request("mallory", "x"))).code).toBe("closed");
      expect(field.alice.links("mallory")).toEqual([]);
    }
    expect(rogue.accepted).toEqual([]);
    await field.peace();
  });
});
