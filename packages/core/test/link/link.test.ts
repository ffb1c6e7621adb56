import { describe, expect, it } from "vitest";
import * as cellType from "../../src/frame/cell-type.js";
import * as msgFlag from "../../src/frame/msg-flag.js";
import * as limits from "../../src/limits.js";
import { createMemoryBudget } from "../../src/link/budget.js";
import { createCellBuffer, fragmentMaxBytes, putSequenced, totalBytes } from "../../src/link/cells.js";
import { createLink } from "../../src/link/link.js";
import type { LinkOptions } from "../../src/link/link-types.js";
import type { Established, Peer } from "../../src/secure/types.js";
import { announced } from "./network.js";

/** A link whose session seals and opens nothing, over a runtime that keeps what it is asked for. */
function setUp() {
  const asked: { readonly when: "turn" | "soon"; readonly run: () => void }[] = [];
  const sent: Uint8Array[] = [];
  const timers = {
    after: () => () => undefined,
    turn: (run: () => void) => void asked.push({ when: "turn", run }),
    soon: (run: () => void) => void asked.push({ when: "soon", run }),
  };
  const session = {
    seal: (plaintext: Uint8Array) => plaintext.slice(),
    open: (frame: Uint8Array) => frame.slice(),
    prepare() {},
    end() {},
    lastSealed: 0,
    lastOpened: 0,
  };
  const ignore = (): void => undefined;
  const options = {
    runtime: { clock: { monotonic: () => 0, wall: () => 0 }, timers, random: { bytes: (length: number) => new Uint8Array(length) } },
    transport: {
      capabilities: { maxFrameBytes: 1024 * 1024 },
      state: { current: "up" },
      async send(_to: string, frame: Uint8Array) {
        sent.push(frame.slice());
      },
    },
    own: announced,
    ownInstance: "a",
    budget: createMemoryBudget(limits.memoryBudgetBytes),
    scratch: createCellBuffer(256 * 1024),
    goneAfterMs: limits.goneAfterMs,
    taps: { link: undefined },
    onDelivery: ignore,
    onState: ignore,
    onEnded: ignore,
    onSessionEnded: ignore,
    onRenew: ignore,
  } as unknown as LinkOptions;
  const peer = { id: "bob", inbox: "inbox/bob/1", limits: announced } as unknown as Peer;
  const link = createLink(options, peer);
  const established = { role: "initiator", session, peer: { ...peer, token: { expiresAt: 3_600_000 } }, cells: new Uint8Array(0) };
  const live = link.attach(established as unknown as Established, 1, [0, 0, 0, 0]);
  const flush = async () => {
    for (const { run } of asked.splice(0)) run();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { link, live, asked, sent, flush };
}

const message = new Uint8Array(4 * 1024 * 1024);

/** Records of `cells` fragments of one large message. */
function* records(cells: number) {
  const buffer = createCellBuffer(256 * 1024);
  for (let sequence = 0; ; ) {
    let at = 0;
    for (let cell = 0; cell < cells; cell++, sequence++) {
      const size = sequence === 0 ? fragmentMaxBytes - totalBytes : fragmentMaxBytes;
      at = putSequenced(buffer, at, cellType.msg, 2 | (sequence === 0 ? msgFlag.first : 0), sequence, message, sequence * size, (sequence + 1) * size);
    }
    yield buffer.bytes.slice(0, at);
  }
}

describe("a link", () => {
  it.each([
    { name: "large ones", cells: 5, acknowledgedAfter: 4, when: ["soon"] },
    { name: "small ones, which share what is sent with the turn", cells: 1, acknowledgedAfter: 2, when: ["turn"] },
  ])("acknowledges while more comes in the same turn, and something of its own is under way: $name", async ({ cells, acknowledgedAfter, when }) => {
    const { link, live, asked, sent, flush } = setUp();
    await flush();
    link.send({ bytes: new Uint8Array(8), lane: 2, intake: false });
    await flush();
    const before = sent.length;
    const coming = records(cells);
    for (let count = 1; count < acknowledgedAfter; count++) link.receive(live, coming.next().value as Uint8Array);
    expect(asked).toEqual([]);
    link.receive(live, coming.next().value as Uint8Array);
    expect(asked.map((each) => each.when)).toEqual(when);
    link.receive(live, coming.next().value as Uint8Array);
    expect(asked.map((each) => each.when)).toEqual(when);
    await flush();
    expect(sent.length - before).toBe(1);
    expect(sent.at(-1)?.[0]).toBe(cellType.ack);
  });
});
