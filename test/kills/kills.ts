// Two agents with stores on disk, one of which is killed (SIGKILL) at a random instant, started again, and so on.
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trust } from "@tightbeam/core/identity";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { createRelay } from "@tightbeam/websocket/relay";
import type { Tally, Word } from "./child.js";
import { readJournal } from "./journal.js";
import { judgeJournals, type Verdict } from "./judge.js";

export interface KillsOptions {
  /** The bundled child. */
  readonly script: string;
  readonly kills: number;
  readonly seed: number;
  readonly onKill?: (number: number, role: Role, ms: number) => void;
}

export interface Killed extends Verdict {
  readonly kills: number;
  readonly seconds: number;
}

type Role = "sender" | "receiver";

interface Actor {
  readonly child: ChildProcess;
  readonly role: Role;
  /** Its next word of this type. */
  word(type: Word["type"]): Promise<Word>;
}

/** Most kills come while messages are handled, at most so many ms after the first one since the last kill; the others earlier, when a store may be about to be opened. */
const workMs = 300;
const startShare = 0.3;

/** Rejects with what went wrong in one of the processes. Leaves none of them, and no file. */
export async function killAgents({ script, kills, seed, onKill }: KillsOptions): Promise<Killed> {
  const began = performance.now();
  const place = mkdtempSync(join(tmpdir(), "tightbeam-kills-"));
  const journals = { sender: join(place, "sender.journal"), receiver: join(place, "receiver.journal") };
  const secret = randomBytes(32);
  const env = { ...process.env, NODE_OPTIONS: "", KILLS_SECRET: secret.toString("base64url") };
  const { random } = createVirtualRuntime({ seed });
  const chance = (): number => ((random.bytes(2)[0] as number) * 256 + (random.bytes(1)[0] as number)) / 65_536;
  const relay = await createRelay({ port: 0, trust: trust.everyoneWithSecret(secret) });
  const living = new Set<ChildProcess>();
  let failed: (error: Error) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);

  const start = (role: Role): Actor => {
    const child = fork(script, [role, place, relay.urls[0] ?? ""], { execArgv: [], env });
    living.add(child);
    child.once("exit", (code) => {
      living.delete(child);
      if (code !== null) failed(new Error(`The ${role} ended by itself: ${code}.`));
    });
    const waiting = new Map<string, (word: Word) => void>();
    const said = new Map<string, Word>();
    child.on("message", (word: Word) => {
      if (word.type === "failed") return failed(new Error(`${role}: ${word.error}`));
      said.set(word.type, word);
      waiting.get(word.type)?.(word);
    });
    const word = (type: Word["type"]): Promise<Word> =>
      Promise.race([failure, new Promise<Word>((resolve) => (said.has(type) ? resolve(said.get(type) as Word) : waiting.set(type, resolve)))]);
    return { child, role, word };
  };

  try {
    const actors = new Map<Role, Actor>([
      ["receiver", start("receiver")],
      ["sender", start("sender")],
    ]);
    await Promise.all([...actors.values()].map((actor) => actor.word("ready")));
    for (let number = 1; number <= kills; number++) {
      if (chance() >= startShare) await Promise.race([failure, growth(journals.receiver)]);
      const ms = chance() * workMs;
      await Promise.race([failure, new Promise((resolve) => setTimeout(resolve, ms))]);
      const roles: Role[] = chance() < 0.1 ? ["sender", "receiver"] : [chance() < 0.5 ? "sender" : "receiver"];
      for (const role of roles) {
        onKill?.(number, role, ms);
        const { child } = actors.get(role) as Actor;
        child.kill("SIGKILL");
        await once(child, "exit");
        actors.set(role, start(role));
      }
    }
    const [receiver, sender] = [actors.get("receiver") as Actor, actors.get("sender") as Actor];
    await Promise.all([receiver.word("ready"), sender.word("ready")]);
    sender.child.send("stop");
    await sender.word("over");
    receiver.child.send("stop");
    const { tally } = (await receiver.word("over")) as { readonly tally?: Tally };
    const verdict = judgeJournals(readJournal(journals.sender), readJournal(journals.receiver), tally ?? { count: 0, sum: 0 });
    return { ...verdict, kills, seconds: (performance.now() - began) / 1_000 };
  } finally {
    for (const child of living) child.kill("SIGKILL");
    await relay.close();
    rmSync(place, { recursive: true, force: true });
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Settles when something was written to it since. */
async function growth(path: string): Promise<void> {
  const before = sizeOf(path);
  while (sizeOf(path) === before) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What there is to say about it, in one line. */
export const describeKills = ({ accepted, handled, again, kills, seconds, wrongs }: Killed): string =>
  `${kills} kills in ${seconds.toFixed(0)} s: ${accepted} messages accepted, ${handled} handled, ${again} of them begun again after a kill; ${
    wrongs.length === 0 ? "none lost, none with a DONE or a commit run again, the sum is right" : `WRONG: ${wrongs.slice(0, 5).join("; ")}`
  }`;
