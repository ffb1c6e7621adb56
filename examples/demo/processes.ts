// The stage in four processes: this one is the authority and the presenter; the relay and the two agents are its children.
import { type ChildProcess, fork } from "node:child_process";
import { createAuthority } from "@tightbeam/core";
import type { IssueRequest } from "@tightbeam/core/identity";
import type { StartAgent } from "./agent.js";
import type { Alice, Bob } from "./app.js";
import { type Calls, createCalls, type Handlers } from "./calls.js";
import { createDesk } from "./desk.js";
import type { StartRelay } from "./relay.js";
import { type Sources, transportLine } from "./sources.js";
import type { Stage } from "./stage.js";
import { readSend } from "./tap.js";

interface Child {
  readonly pid: number;
  readonly calls: Calls;
  /** From now on its end is expected. */
  release(): void;
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
}

const memberMethods = ["link", "reconnects", "close"] as const;

export async function processStage(sources: Sources): Promise<Stage> {
  const issuer = "tightbeam:demo";
  const authority = await createAuthority({ issuer });
  const jwks = authority.jwks();
  const desk = createDesk(authority);
  const tapped: Uint8Array[] = [];
  const children = new Set<ChildProcess>();
  let fail: (error: Error) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => (fail = reject));
  failure.catch(() => undefined);
  // Whatever ends this process ends the children: nothing survives the demo.
  process.once("exit", () => {
    for (const child of children) child.kill("SIGKILL");
  });

  const start = (name: string, script: string, handlers: Handlers = {}): Child => {
    const forked = fork(script, [], { serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    children.add(forked);
    const calls = createCalls(forked, handlers);
    let expected = false;
    let complaint = "";
    forked.stderr?.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2_000);
    });
    forked.on("error", (error) => fail(new Error(`The ${name} process could not be run: ${error.message}`)));
    const gone = new Promise<void>((resolve) => {
      forked.once("close", (code, signal) => {
        children.delete(forked);
        const error = new Error(`The ${name} process (pid ${forked.pid}) died unexpectedly: ${signal ?? `exit code ${code}`}.\n${complaint}`.trimEnd());
        calls.end(error);
        if (!expected) fail(error);
        resolve();
      });
    });
    const child: Child = {
      pid: forked.pid ?? 0,
      calls,
      release: () => {
        expected = true;
      },
      kill() {
        child.release();
        forked.kill("SIGKILL");
        return gone;
      },
    };
    return child;
  };

  const startRelay = async (port: number, tap: boolean): Promise<{ readonly child: Child; readonly url: string }> => {
    const child = start("relay", sources.relay, { tapped: (message: Uint8Array) => void tapped.push(message) });
    return { child, url: await child.calls.call<string>("start", { port, issuer, jwks, tapped: tap } satisfies StartRelay) };
  };
  // Who asks is known by the channel: an agent gets tokens in its own name only.
  const forkAgent = (id: StartAgent["id"]): Child => start(id, sources.agent, { issue: (request: IssueRequest) => desk.issue(id, request) });

  const aliceChild = forkAgent("alice");
  const bobChild = forkAgent("bob");
  const first = await Promise.race([startRelay(0, true), failure]);
  const { url } = first;
  let relay = first.child;
  const join = (child: Child, id: StartAgent["id"]) => child.calls.call<void>("start", { id, url, issuer, jwks } satisfies StartAgent);
  await Promise.race([Promise.all([join(aliceChild, "alice"), join(bobChild, "bob")]), failure]);
  const alice = aliceChild.calls.remote<Alice>([...memberMethods, "counted"]);
  const bob = bobChild.calls.remote<Bob>([...memberMethods, "ask", "askAnything", "stroll", "burst", "progress"]);

  return {
    title: "two agents and a relay, each a process of its own",
    cast: [
      ["relay", `pid ${relay.pid}, ${url}`],
      ["alice", `pid ${aliceChild.pid}, answers summarize and count`],
      ["bob", `pid ${bobChild.pid}, asks`],
    ],
    middle: "relay",
    transportLine: transportLine(sources, "agent.ts", "connectWebSocket("),
    alice,
    bob,
    tap: {
      frames: () => tapped.flatMap((message) => readSend(message) ?? []),
      bytes: () => Buffer.concat(tapped),
      stop: () => relay.calls.call("untap"),
    },
    issued: desk.issued,
    leaksPeerToken: desk.leaksPeerToken,
    async strike() {
      const { pid } = relay;
      await relay.kill();
      return `relay (pid ${pid}) killed, SIGKILL`;
    },
    async mend() {
      const since = performance.now();
      relay = (await startRelay(Number(new URL(url).port), false)).child;
      return `relay (pid ${relay.pid}) runs on the same port after ${Math.round(performance.now() - since)} ms`;
    },
    failure,
    async close() {
      for (const child of [aliceChild, bobChild, relay]) child.release();
      await Promise.race([Promise.allSettled([alice.close(), bob.close()]), new Promise((resolve) => setTimeout(resolve, 2_000))]);
      await Promise.all([aliceChild, bobChild, relay].map((child) => child.kill()));
    },
  };
}
