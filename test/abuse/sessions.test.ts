import { describe, expect, it, onTestFinished, vi } from "vitest";
import * as limits from "../../packages/core/src/limits.js";
import { agentAddress } from "../../packages/core/src/transport/address.js";
import { createField, failure, within } from "./field.js";
import { cell, createRogue, type RogueLink } from "./rogue.js";

const real = vi.hoisted(() => ({ sessionsPerAgent: 0 }));
vi.mock("../../packages/core/src/limits.js", async (original) => {
  const all = await original<typeof limits>();
  real.sessionsPerAgent = all.sessionsPerAgent;
  return { ...all, sessionsPerAgent: 6 };
});

describe("TM-62 sessions and links", () => {
  it("a share is small beside the whole", () => expect(real.sessionsPerAgent * 4).toBeLessThan(limits.sessions));

  it("of one agent, over all its instances, are a share of them: everyone else comes in", async () => {
    const field = await createField({ alice: { limits: { memoryBudgetBytes: 64 * 1024 * 1024 } } });
    onTestFinished(() => field.close());
    field.alice.handle("size", (input) => (input as Uint8Array).length);
    const links: RogueLink[] = [];
    for (let instance = 0; instance < 2; instance++) {
      const rogue = await createRogue(field);
      for (let session = 0; session < 3; session++) links.push(await rogue.dial());
    }
    expect(field.alice.links("mallory")).toHaveLength(2);
    const late = await createRogue(field);
    expect((await failure(late.handshakes.dial(agentAddress("alice"), { timeout: 700 }))).code).toBe("handshake_failed");
    expect(field.alice.status().handshakes.refused.overloaded).toBe(1);
    const carol = await field.join("carol");
    expect(await carol.request("alice", "size", new Uint8Array(9))).toBe(9);
    for (const link of links) await link.send(cell.close("closed"));
    await within(10_000, "the links to end", () => field.alice.links("mallory").length === 0);
    // CLOSE lingers for those that did not hear it; then the places are free.
    await within(10_000, "a place", () => field.alice.links("mallory").length === 0);
    await expect
      .poll(
        () =>
          late.dial().then(
            () => "in",
            () => "out",
          ),
        { timeout: 20_000 },
      )
      .toBe("in");
    await field.peace();
  });
});
