import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

let made: string[] = [];
afterEach(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
  made = [];
});

/** A directory that is gone after the test. */
export function place(under: string = tmpdir()): string {
  const path = mkdtempSync(join(under, "tightbeam-store-"));
  made.push(path);
  return path;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value));
