import { type Agent, type AgentOptions, createAgent } from "@tightbeam/core";
import type { Identity } from "@tightbeam/core/identity";
import { CommandError, usageError } from "./command-error.js";
import { exitCodes } from "./exit-codes.js";
import { openIdentity, openTrust } from "./identity.js";
import type { Invocation } from "./invocation.js";
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
}

const joinMs = 30_000;

const notJoined = (cause: unknown): CommandError =>
  new CommandError(
    "unavailable",
    exitCodes.network,
    `This agent was let in, and could not listen at its addresses within ${joinMs / 1_000} s.`,
    "Did the relay or broker end meanwhile, or does something before it hold frames back? `tightbeam doctor` looks at each step.",
    cause,
  );

/** An agent as options, environment and profile say; closed with the command. Rejects with usage errors, and as `createAgent` and the transport do. */
export async function openAgent(
  invocation: Invocation,
  options: AgentSettingsOptions & StoreOptions,
  { needsStore = false, ...more }: Partial<AgentOptions> & { readonly needsStore?: boolean } = {},
): Promise<OpenAgent> {
  const { io, later, output, runtime } = invocation;
  const settings = await resolveSettings(io, options);
  if (needsStore && settings.store === undefined)
    throw usageError("This needs a store, and there is none.", 'Give --store <folder> and --store-key-file <file>, or "store" and "storeKey" in the profile.');
  const identity = await openIdentity(io, settings, (message) => output.warn("open_file", message));
  const trust = await openTrust(io, settings);
  const kept = await openStore(invocation, settings);
  const transport = await openTransport(io, settings, identity);
  let agent: Agent;
  // A transport that is lost connects again, and whoever joins waits for it: a command does not for ever.
  let late = false;
  const cancel = runtime.timers.after(joinMs, () => {
    late = true;
    void transport.close();
  });
  try {
    agent = await createAgent({ identity, trust, transport, runtime, ...kept, ...more });
  } catch (error) {
    await transport.close();
    throw late ? notJoined(error) : error;
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
  return { agent, identity, settings, lost };
}

async function openStore({ io, runtime }: Invocation, { store, storeKey }: Settings): Promise<Partial<AgentOptions>> {
  if (store === undefined) return {};
  if (storeKey === undefined)
    throw usageError("A store is sealed, and its key is missing.", "Give --store-key-file (`tightbeam keygen --secret` makes one), or TIGHTBEAM_STORE_KEY.");
  const key = await readSecretBytes(io, storeKey, "the store key");
  const { openLmdbStore } = await import("@tightbeam/store-lmdb");
  return { store: await openLmdbStore({ path: store, lockTimeout: 2_000, runtime }), storeKey: key };
}
