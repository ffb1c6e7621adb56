// The stage in processes: this one is the authority and the presenter; the two agents and what carries their frames are its children.
import { createAuthority } from "@tightbeam/core";
import type { IssueRequest } from "@tightbeam/core/identity";
import type { StartAgent } from "./agent.js";
import type { Alice, Bob } from "./app.js";
import type { Medium } from "./carrier.js";
import { type Child, createChildren } from "./children.js";
import { createDesk } from "./desk.js";
import { type Sources, transportLine } from "./sources.js";
import type { Stage } from "./stage.js";

const memberMethods = ["link", "reconnects", "close"] as const;

export async function processStage(sources: Sources, medium: Medium): Promise<Stage> {
  const issuer = "tightbeam:demo";
  const authority = await createAuthority({ issuer });
  const jwks = authority.jwks();
  const desk = createDesk(authority);
  const children = createChildren();
  const { failure } = children;
  // Who asks is known by the channel: an agent gets tokens in its own name only.
  const start = (id: StartAgent["id"]): Child => children.start(id, medium.agentScript(sources), { issue: (request: IssueRequest) => desk.issue(id, request) });

  const aliceChild = start("alice");
  const bobChild = start("bob");
  const carrier = await Promise.race([medium.start({ children, sources, issuer, jwks }), failure]);
  const { name, url } = carrier;
  const join = (child: Child, id: StartAgent["id"]) => child.calls.call<void>("start", { id, url, issuer, jwks } satisfies StartAgent);
  await Promise.race([Promise.all([join(aliceChild, "alice"), join(bobChild, "bob")]), failure]);
  const alice = aliceChild.calls.remote<Alice>([...memberMethods, "counted"]);
  const bob = bobChild.calls.remote<Bob>([...memberMethods, "ask", "askAnything", "stroll", "burst", "progress"]);

  return {
    title: `two agents and a ${name}, each a process of its own`,
    cast: [
      [name, `pid ${carrier.pid}, ${url}`],
      ["alice", `pid ${aliceChild.pid}, answers summarize and count`],
      ["bob", `pid ${bobChild.pid}, asks`],
    ],
    middle: name,
    outage: `The ${name} process is killed (SIGKILL) and started again.`,
    transportLine: transportLine(sources, medium.agentFile, medium.connect),
    alice,
    bob,
    tap: carrier.tap,
    issued: desk.issued,
    leaksPeerToken: desk.leaksPeerToken,
    async strike() {
      const { pid } = carrier;
      await carrier.kill();
      return `${name} (pid ${pid}) killed, SIGKILL`;
    },
    async mend() {
      const since = performance.now();
      await carrier.restart();
      return `${name} (pid ${carrier.pid}) runs on the same port after ${Math.round(performance.now() - since)} ms`;
    },
    failure,
    async close() {
      for (const child of [aliceChild, bobChild]) child.release();
      await Promise.race([Promise.allSettled([alice.close(), bob.close()]), new Promise((resolve) => setTimeout(resolve, 2_000))]);
      await Promise.all([aliceChild.kill(), bobChild.kill(), carrier.close()]);
    },
  };
}
