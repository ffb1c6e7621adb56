import { onDemand } from "../on-demand.js";
import type { Kem, KemOptions } from "./provider.js";

const part = onDemand(() => import("./kem.js"));

/** ML-KEM-768, loaded and checked on first use; afterwards the same object again. */
export const loadKem = async (options: KemOptions = {}): Promise<Kem> => (await part()).checkedKem(options);
