import { TightbeamError } from "../errors.js";
import { onDemand } from "../on-demand.js";
import type { State, StateOptions } from "../store/state.js";
import type { Store } from "../store/types.js";

const taken = new WeakSet<object>();

const loadState = onDemand(() => import("../store/state.js"));

/**
 * One agent writes a store: two would number their messages alike. Rejects `store_locked` for one that another agent of this process has, which a
 * medium's own lock lets pass. It is given back when `make`, which checks the options, rejects or calls its second argument.
 */
export function holdingStore<Options extends { readonly store?: Store | undefined }, T>(
  options: Options,
  make: (options: Options, giveBack: () => void) => Promise<T>,
): Promise<T> {
  const store: unknown = (options as Options | undefined)?.store;
  if (typeof store !== "object" || store === null) return make(options, () => undefined);
  if (taken.has(store))
    return Promise.reject(new TightbeamError("store_locked", "Another agent of this process has this store: give each agent a store of its own."));
  taken.add(store);
  const giveBack = (): void => void taken.delete(store);
  return make(options, giveBack).catch((error: unknown) => {
    giveBack();
    throw error;
  });
}

/** What an agent with a store keeps; undefined for one without. Rejects as `openState` does, and with `unavailable`. */
export const stateFor = async ({ store, ...rest }: Omit<StateOptions, "store"> & { readonly store: Store | undefined }): Promise<State | undefined> =>
  store === undefined ? undefined : (await loadState()).openState({ store, ...rest });
