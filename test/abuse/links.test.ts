import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LinkOffer } from "../../packages/core/src/link/resume.js";
import type { Address } from "../../packages/core/src/transport/address.js";
import { createField, type Field, failure, pause, within } from "./field.js";
import { cell, createRogue, envelope, type RogueLink, text, whole } from "./rogue.js";

/*
 * Lies in LINK, where a handshake says whether it begins, joins or continues a link, and instances that are not what they say.
 */

let field: Field;
beforeAll(async () => {
  field = await createField();
  field.alice.handle("echo", (input) => input);
});
afterAll(() => field.close());

/** A request on one session is answered, on it or (when that is the preferred one) on another of the same link. */
const works = async (link: RogueLink, other: RogueLink = link): Promise<void> => {
  const count = (): number => link.got.length + other.got.length;
  const before = count();
  await link.message(envelope("request", {}, text('"x"')));
  await within(5_000, "an answer", () => count() > before);
};

interface Row {
  readonly name: string;
  /** Said at the second handshake of a link that works. */
  readonly lie: Partial<LinkOffer>;
  /** The second handshake makes a session, joins the link or replaces it; or it makes none. */
  readonly expect: "joined" | "replaced" | "refused";
}

const zeros = [0, 0, 0, 0];
const rows: Row[] = [
  { name: "the same again", lie: {}, expect: "joined" },
  { name: "another half", lie: { half: new Uint8Array(32).fill(7) }, expect: "replaced" },
  { name: "another half and a MAC", lie: { half: new Uint8Array(32).fill(7), mac: new Uint8Array(32) }, expect: "replaced" },
  { name: "the right half and a wrong MAC", lie: { mac: new Uint8Array(32) }, expect: "refused" },
  { name: "generation 2^32 - 1", lie: { generation: 2 ** 32 - 1 }, expect: "joined" },
  { name: "next expected numbers that were never given out", lie: { next: [2 ** 47, 0, 0, 0] }, expect: "refused" },
  { name: "next expected numbers below what was acknowledged: merely stale", lie: { next: zeros }, expect: "joined" },
];

let rogues = 0;
describe("a rogue's LINK", () => {
  it.each(rows)("$name: $expect", async ({ lie, expect: expected }) => {
    const id = `mallory-${rogues++}`;
    const rogue = await createRogue(field, id);
    const first = await rogue.dial();
    await works(first);
    const [known] = field.alice.links(id);
    const ended = field.events.length;
    rogue.offer = lie;
    const stop = field.traffic();
    if (expected === "refused") expect((await failure(rogue.handshakes.dial("agent/alice" as Address, { timeout: 700 }))).code).toBe("handshake_failed");
    else {
      const second = await rogue.dial();
      expect(second.established.continued).toBe(expected === "joined");
      if (expected === "joined") {
        second.next.splice(0, 4, ...first.next);
        second.expected.splice(0, 4, ...first.expected);
      }
      await works(second, first);
    }
    const links = field.alice.links(id);
    expect(links).toHaveLength(1);
    expect(links[0] === known).toBe(expected !== "replaced");
    const codes = field.events.slice(ended).flatMap((event) => (event.type === "link_ended" ? [event.error.code] : []));
    expect(codes).toEqual(expected === "replaced" ? ["delivery_unknown"] : []);
    expect(await stop()).toBeGreaterThan(0);
    for (const link of links) link.close();
    await field.peace();
    await rogue.transport.close();
  });

  it("as the one who answers: `continued` of what never was, wrong MACs, numbers from nowhere: the dial fails typed, the next can succeed", async () => {
    const rogue = await createRogue(field, "answerer");
    for (const [lie, continued, code] of [
      [{}, true, "auth"],
      [{ mac: new Uint8Array(32) }, true, "auth"],
    ] as const) {
      rogue.offer = lie;
      rogue.continued = continued;
      expect((await failure(field.alice.link("answerer", { timeout: 1_000 }))).code).toBe(code);
      expect(field.alice.links("answerer")).toEqual([]);
    }
    rogue.offer = {};
    rogue.continued = false;
    const link = await field.alice.link("answerer");
    expect(link.state).toBe("up");
    link.close();
    await field.peace();
    await rogue.transport.close();
  });

  it("replaced again and again while alice waits for answers: each wait ends typed, once", async () => {
    const rogue = await createRogue(field, "turncoat");
    const first = await rogue.dial();
    for (let round = 0; round < 8; round++) {
      const asked = failure(field.alice.request("turncoat", "x", 1, { timeout: 20_000 }));
      await pause(10);
      rogue.offer = { half: new Uint8Array(32).fill(round + 1) };
      await rogue.dial();
      const error = await asked;
      expect(error.code).toBe("delivery_unknown");
    }
    expect(field.alice.links("turncoat")).toHaveLength(1);
    for (const link of field.alice.links("turncoat")) link.close();
    expect(first.closes.length).toBeLessThan(10);
    await field.peace();
    await rogue.transport.close();
  });
});

describe("instances", () => {
  it("a rogue that takes bob's instance id is still only itself", async () => {
    const rogue = await createRogue(field, "mallory", { instance: field.bob.instance, transport: (await createRogue(field, "carrier")).transport });
    // The relay lets nobody listen at another's inbox; so the answers never come.
    expect((await failure(rogue.handshakes.dial("agent/alice" as Address, { timeout: 700 }))).code).toBe("no_answer");
    expect(field.alice.links("mallory")).toEqual([]);
    const [bob] = field.alice.links("bob");
    expect(bob?.peer.instance).toBe(field.bob.instance);
    await field.peace();
  });

  it("two processes of one agent with one instance id: the later replaces the earlier, others keep theirs", async () => {
    const one = await createRogue(field, "double");
    const link = await one.dial();
    await works(link);
    // The same agent and instance, with another half: begun anew.
    one.offer = { half: new Uint8Array(32).fill(9) };
    const later = await one.dial();
    await works(later);
    await link.send(cell.msg(2, link.next[2] as number, whole, envelope("response", { correlationId: "018f0000-0000-7000-8000-000000000000" })));
    expect(field.alice.links("double")).toHaveLength(1);
    for (const open of field.alice.links("double")) open.close();
    await field.peace();
  });
});
