import type { Authority, CreateAuthorityOptions } from "./authority-types.js";

/** Loads what issues tokens first: most agents never do. Throws `invalid_argument`, `invalid_key`. */
export async function createAuthority(options: CreateAuthorityOptions = {}): Promise<Authority> {
  const { createLocalAuthority } = await import("./local-authority.js");
  return createLocalAuthority(options);
}
