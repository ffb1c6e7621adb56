import type { StoreRule } from "../rule.js";
import { batches } from "./batches.js";
import { bounds } from "./bounds.js";
import { crashes } from "./crashes.js";
import { keys } from "./keys.js";
import { lifecycle } from "./lifecycle.js";
import { reading } from "./reading.js";

/** Every rule, in the order of the clauses. */
export const storeRules: readonly StoreRule[] = [...keys, ...batches, ...crashes, ...reading, ...lifecycle, ...bounds].toSorted((a, b) =>
  a.clause < b.clause ? -1 : a.clause > b.clause ? 1 : 0,
);
