import { type Agent, type AgentOptions, createAgent } from "@tightbeam/core";
import type { Identity } from "@tightbeam/core/identity";
import { CommandError, usageError } from "./command-error.js";
import { exitCodes } from "./exit-codes.js";
import { openIdentity, openTrust } from "./identity.js";
import type { Invocation } from "./invocation.js";
import { spoken } from "./numbers.js";
import { readSecretBytes } from "./secrets.js";
import { type AgentSettingsOptions, resolveSettings, type Settings } from "./settings.js";
import { openTransport } from "./transport.js";

export interface StoreOptions {
  readonly store?: string;
  readonly storeKeyFile?: string;
}

export interface OpenAgent {
  readonly agent: Agent;
  readonly identity: Identity;
  readonly settings: Settings;
  /** Rejects when the connection is lost for good: another process took its place, or the relay said never to come back. Pending until then. */
  readonly lost: Promise<never>;
  /** What is left of the time, where there was one. */
  readonly left: { readonly timeout?: number };
}

const joinMs = 30_000;

const notJoined = (ms: number, cause: unknown): CommandError =>
  new CommandError(
    "unavailable",
    exitCodes.network,
    `This agent was let in, and could not listen at its addresses within ${spoken(ms)}.`,
    "Did the relay or broker end meanwhile, or does something before it hold frames back? `tightbeam doctor` looks at each step.",
    cause,
  );

const outOfTime = (): CommandError =>
  new CommandError(
    "timeout",
    exitCodes.noAnswer,
    "The time was up when this agent had joined: nothing was sent.",
    "Give a longer --timeout: it counts connecting, too.",
  );

/**
 * An agent as options, environment and profile say; closed with the command. Rejects with usage errors, and as `createAgent` and the transport do.
 * `timeout`: ms for all of it and for what the command then does.
 */
export async function openAgent(
  invocation: Invocation,
  options: AgentSettingsOptions & StoreOptions,
  { needsStore = false, timeout, ...more }: Partial<AgentOptions> & { readonly needsStore?: boolean; readonly timeout?: number | undefined } = {},
): Promise<OpenAgent> {
  const { io, later, output, runtime } = invocation;
  const began = runtime.clock.monotonic();
  const timeLeft = (): number => Math.ceil((timeout ?? Number.POSITIVE_INFINITY) - (runtime.clock.monotonic() - began));
  const settings = await resolveSettings(io, options);
  if (needsStore && settings.store === undefined)
    throw usageError("This needs a store, and there is none.", 'Give --store <folder> and --store-key-file <file>, or "store" and "storeKey" in the profile.');
  const identity = await openIdentity(io, settings, (message) => output.warn("open_file", message));
  const trust = await openTrust(io, settings);
  const kept = await openStore(invocation, settings);
  const transport = await openTransport(io, settings, identity, timeout === undefined ? undefined : Math.max(1, timeLeft()));
  let agent: Agent;
  // A transport that is lost connects again, and whoever joins waits for it: a command does not for ever.
  let late = false;
  const joining = Math.max(1, Math.min(joinMs, timeLeft()));
  const cancel = runtime.timers.after(joining, () => {
    late = true;
    void transport.close();
  });
  try {
    agent = await createAgent({ identity, trust, transport, runtime, ...kept, ...more });
  } catch (error) {
    await transport.close();
    throw late ? notJoined(joining, error) : error;
  } finally {
    cancel();
  }
  later(() => agent.close({ drain: 2_000 }));
  const lost = new Promise<never>((_, reject) => {
    void transport.closed.then((cause) => {
      if (cause !== undefined) reject(cause);
    });
  });
  lost.catch(() => undefined);
  const left = timeLeft();
  if (left <= 0) throw outOfTime();
  return { agent, identity, settings, lost, left: timeout === undefined ? {} : { timeout: left } };
}

async function openStore({ io, runtime }: Invocation, { store, storeKey }: Settings): Promise<Partial<AgentOptions>> {
  if (store === undefined) return {};
  if (storeKey === undefined)
    throw usageError(
      "A store is sealed, and its key is missing.",
      "Give --store-key-file (`tightbeam keygen --secret --out <file>` makes one), or TIGHTBEAM_STORE_KEY.",
    );
  const key = await readSecretBytes(io, storeKey, "the store key");
  const { openLmdbStore } = await import("@tightbeam/store-lmdb");
  return { store: await openLmdbStore({ path: store, lockTimeout: 2_000, runtime }), storeKey: key };
}
