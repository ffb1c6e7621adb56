import { readFile } from "node:fs/promises";

const file = new URL("../.secrets/team.secret", import.meta.url);

/**
 * 32 random bytes that make this project's agents trust each other, out of TIGHTBEAM_SHARED_SECRET or .secrets/team.secret. Good for a start on
 * one machine. When agents belong to different people, use an authority, which says who each of them is: `tightbeam authority --help`.
 */
export async function readSecret(): Promise<Uint8Array> {
  const text = process.env.TIGHTBEAM_SHARED_SECRET ?? (await readFile(file, "utf8"));
  return new Uint8Array(Buffer.from(text.trim(), "base64url"));
}
