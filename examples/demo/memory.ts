// The stage in one process: the same agents over the memory hub, which is cut and restored.
import { createAuthority } from "@tightbeam/core";
import { createIdentity, generateKey } from "@tightbeam/core/identity";
import { connectMemory, createHub } from "@tightbeam/memory";
import { type Seat, startAlice, startBob } from "./app.js";
import { createDesk } from "./desk.js";
import { type Sources, transportLine } from "./sources.js";
import type { Stage, TappedFrame } from "./stage.js";

/** ms the hub stays cut. */
const outage = 300;

export async function memoryStage(sources: Sources): Promise<Stage> {
  const authority = await createAuthority();
  const desk = createDesk(authority);
  const hub = createHub();
  const frames: TappedFrame[] = [];
  const untap = hub.tap((to, frame) => frames.push({ to, frame }));

  const seat = async (id: string): Promise<Seat> => {
    const identity = createIdentity({ id, key: await generateKey(), issue: (request) => desk.issue(id, request) });
    const transport = await connectMemory(hub);
    await identity.token();
    return { identity, trust: authority.trust(), transport };
  };
  const alice = await startAlice(await seat("alice"));
  const bob = await startBob(await seat("bob"));

  return {
    title: "two agents in one process, over a memory hub",
    cast: [
      ["hub", "a table of addresses"],
      ["alice", "answers summarize and count"],
      ["bob", "asks"],
    ],
    middle: "hub",
    outage: `Nothing is killed here: hub and agents live in one process. The hub is cut instead: it carries nothing for ${outage} ms, then goes on.`,
    transportLine: transportLine(sources, "memory.ts", "await connectMemory("),
    alice,
    bob,
    tap: {
      frames: () => frames,
      bytes: () => Buffer.concat(frames.flatMap(({ to, frame }) => [Buffer.from(to), frame])),
      stop: async () => untap(),
    },
    issued: desk.issued,
    leaksPeerToken: desk.leaksPeerToken,
    async strike() {
      hub.cut();
      return "hub cut";
    },
    async mend() {
      await new Promise((resolve) => setTimeout(resolve, outage));
      hub.restore();
      return `hub restored after ${outage} ms`;
    },
    failure: new Promise<never>(() => undefined),
    async close() {
      await bob.close();
      await alice.close();
      hub.close();
    },
  };
}
