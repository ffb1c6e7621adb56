import { type Agent, type AgentOptions, createAgent } from "@tightbeam/core";
import { usageError } from "./command-error.js";
import { openIdentity, openTrust } from "./identity.js";
import type { Invocation } from "./invocation.js";
import { readSecretBytes } from "./secrets.js";
import { type AgentSettingsOptions, resolveSettings, type Settings } from "./settings.js";
import { openTransport } from "./transport.js";

export interface StoreOptions {
  readonly store?: string;
  readonly storeKeyFile?: string;
}

/** An agent as options, environment and profile say; closed with the command. Rejects with usage errors, and as `createAgent` and the transport do. */
export async function openAgent(
  invocation: Invocation,
  options: AgentSettingsOptions & StoreOptions,
  more: Partial<AgentOptions> = {},
): Promise<{ readonly agent: Agent; readonly settings: Settings }> {
  const { io, later, runtime } = invocation;
  const settings = await resolveSettings(io, options);
  const identity = await openIdentity(io, settings);
  const trust = await openTrust(io, settings);
  const kept = await openStore(invocation, settings);
  const transport = await openTransport(io, settings, identity);
  let agent: Agent;
  try {
    agent = await createAgent({ identity, trust, transport, runtime, ...kept, ...more });
  } catch (error) {
    await transport.close();
    throw error;
  }
  later(() => agent.close({ drain: 2_000 }));
  return { agent, settings };
}

async function openStore({ io, runtime }: Invocation, { store, storeKey }: Settings): Promise<Partial<AgentOptions>> {
  if (store === undefined) return {};
  if (storeKey === undefined)
    throw usageError("A store is sealed, and its key is missing.", "Give --store-key-file (`tightbeam keygen --secret` makes one), or TIGHTBEAM_STORE_KEY.");
  const key = await readSecretBytes(io, storeKey, "the store key");
  const { openLmdbStore } = await import("@tightbeam/store-lmdb");
  return { store: await openLmdbStore({ path: store, lockTimeout: 2_000, runtime }), storeKey: key };
}
