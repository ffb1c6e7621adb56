import { type AgentOptions, createAgent, createAuthority, type TightbeamError } from "@tightbeam/core";
import { createIdentity } from "@tightbeam/core/identity";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { connectMemory, createHub } from "@tightbeam/memory";
import { beforeAll, describe, expect, test } from "vitest";
import { during, loadParts, promptKey } from "./clock.js";

const second = 1_000;
const minute = 60_000;

beforeAll(loadParts);

/** Agents on a virtual clock whose tokens last for ten minutes, as long as `give` gives any. */
async function createPlace(seed: number) {
  const runtime = createVirtualRuntime({ seed });
  const authority = await createAuthority({ runtime, lifetime: 10 * minute, key: await promptKey() });
  const hub = createHub({ runtime });
  const told: string[] = [];
  const join = async (id: string, give: () => readonly string[] | undefined, options: Partial<AgentOptions> = {}) => {
    const identity = createIdentity({
      id,
      key: await promptKey(),
      runtime,
      issue: async ({ publicJwk }) => {
        const permissions = give();
        if (permissions === undefined) throw new Error("the authority gives no more");
        return authority.issue({ id, publicKey: publicJwk, permissions });
      },
    });
    const transport = await connectMemory(hub);
    const agent = await createAgent({ identity, trust: authority.trust(), transport, runtime, presence: false, ...options });
    agent.onEvent((event) => {
      if (event.type === "link_ended") told.push(`${id}: ${event.error.code}`);
    });
    return agent;
  };
  const ask = (promise: Promise<unknown>): Promise<unknown> =>
    during(
      runtime,
      promise.catch((error: TightbeamError) => error.code),
    );
  return { runtime, join, ask, told };
}

describe("an agent whose tokens end", () => {
  test.each(["who dialled", "who was dialled"])(
    "TM-27 %s is heard for a minute more, and then no link of its own is left: neither a session nor a new dial lasts",
    async (side) => {
      const { runtime, join, ask, told } = await createPlace(11);
      let gives = true;
      const alice = await join("alice", () => []);
      const bob = await join("bob", () => (gives ? [] : undefined));
      const began = runtime.now;
      const heard: number[] = [];
      alice.handle("echo", (input) => {
        heard.push(runtime.now - began);
        return input;
      });
      await ask(side === "who dialled" ? bob.link("alice") : alice.link("bob"));
      expect(await ask(bob.request("alice", "echo", 1))).toBe(1);
      gives = false;
      const answers: unknown[] = [];
      for (let at = 0; at < 15 * minute; at += 20 * second) {
        answers.push(await ask(bob.request("alice", "echo", 2, { timeout: 5 * second })));
        await runtime.advance(20 * second);
      }
      // The token's ten minutes, and the minute that clocks may differ.
      expect(Math.max(...heard)).toBeGreaterThan(9 * minute);
      expect(Math.max(...heard)).toBeLessThanOrEqual(11 * minute);
      expect(answers.slice(0, 27)).toEqual(Array(27).fill(2));
      expect(answers.at(-1)).toBe("expired_token");
      expect(alice.links("bob")).toEqual([]);
      expect(bob.links("alice")).toEqual([]);
      expect(told.filter((line) => line.startsWith("alice"))).toHaveLength(1);
      await ask(Promise.all([alice.close(), bob.close()]));
    },
    60_000,
  );
});

describe("an agent whose next token permits something else", () => {
  test("TM-28 may do what the newest session's token says, over the same link", async () => {
    const { runtime, join, ask, told } = await createPlace(12);
    let permissions = ["call:first"];
    const alice = await join("alice", () => [], { policy: "token" });
    const bob = await join("bob", () => permissions);
    for (const name of ["first", "second"]) alice.handle(name, () => name);
    const link = await during(runtime, bob.link("alice"));
    const may = async (): Promise<unknown> => [await ask(bob.request("alice", "first")), await ask(bob.request("alice", "second"))];
    expect(await may()).toEqual(["first", "forbidden"]);
    permissions = ["call:second"];
    // Renewed at two thirds; the session goes on under the token that it was made with.
    await runtime.advance(8 * minute);
    expect(await may()).toEqual(["first", "forbidden"]);
    expect(link.status().generation).toBe(0);
    await runtime.advance(4 * minute);
    expect(await may()).toEqual(["forbidden", "second"]);
    expect(link.status()).toMatchObject({ state: "up", generation: 1 });
    expect(alice.links("bob")).toHaveLength(1);
    expect(alice.links("bob")[0]?.peer.permissions).toEqual(["call:second"]);
    expect(told).toEqual([]);
    await ask(Promise.all([alice.close(), bob.close()]));
  }, 60_000);
});
