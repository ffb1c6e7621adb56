import { createTraceStore, type TraceStore } from "@tightbeam/core/observability";
import { openLmdbStore } from "@tightbeam/store-lmdb";
import { usageError } from "../command-error.js";
import type { Invocation } from "../invocation.js";
import { readSecretBytes } from "../secrets.js";
import { resolveSettings, type TrustSettingsOptions } from "../settings.js";

export interface KeptOptions extends TrustSettingsOptions {
  readonly store?: string;
  readonly storeKeyFile?: string;
}

/** The folder of a trace store whose program does not run; closed with the command. */
export async function openKept({ io, runtime, later, output }: Invocation, options: KeptOptions): Promise<TraceStore> {
  const { store, storeKey } = await resolveSettings(io, options);
  if (store === undefined || storeKey === undefined)
    throw usageError("Where are the traces?", "Give --store <folder> and --store-key-file <file>: those of createTraceStore({ store, storeKey }).");
  const key = await readSecretBytes(io, storeKey, "the store key");
  const traces = await createTraceStore({
    store: await openLmdbStore({ path: store, lockTimeout: 2_000, runtime }),
    storeKey: key,
    runtime,
    retention: { count: 100_000, age: Number.MAX_SAFE_INTEGER },
    onDamaged: ({ key: entry }) => output.warn("store_damaged", `The entry ${entry} does not open, and is left out.`),
  });
  later(() => traces.close());
  return traces;
}
