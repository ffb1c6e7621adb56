import type { Kem, KemOptions } from "./provider.js";

let module: Promise<typeof import("./kem.js")> | undefined;

/** ML-KEM-768, loaded and checked on first use; afterwards the same object again. */
export async function loadKem(options: KemOptions = {}): Promise<Kem> {
  module ??= import("./kem.js");
  try {
    return await (await module).checkedKem(options);
  } catch (error) {
    module = undefined;
    throw error;
  }
}
