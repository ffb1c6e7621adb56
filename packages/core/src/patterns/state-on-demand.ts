import { onDemand } from "../on-demand.js";
import type { State, StateOptions } from "../store/state.js";
import type { Store } from "../store/types.js";

const loadState = onDemand(() => import("../store/state.js"));

/** What an agent with a store keeps; undefined for one without. Rejects as `openState` does, and with `unavailable`. */
export const stateFor = async ({ store, ...rest }: Omit<StateOptions, "store"> & { readonly store: Store | undefined }): Promise<State | undefined> =>
  store === undefined ? undefined : (await loadState()).openState({ store, ...rest });
