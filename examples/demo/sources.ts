import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where things are: the launcher bundles these files, so that a process starts in a fifth of the time. */
export interface Sources {
  /** Folder of this file. */
  readonly folder: URL;
  /** Scripts to fork. */
  readonly agents: { readonly websocket: string; readonly nats: string };
  readonly relay: string;
  readonly broker: string;
  /** Finds a nats-server, or installs one where that is allowed. */
  readonly natsServer: () => { readonly path: string } | { readonly reason: string; readonly install: string };
}

/** The line of `file` that calls `name`, so that what is shown is what runs. */
export function transportLine(sources: Sources, file: string, name: string): { readonly file: string; readonly text: string } {
  const lines = readFileSync(fileURLToPath(new URL(file, sources.folder)), "utf8").split("\n");
  const at = lines.findIndex((line) => line.includes(name));
  if (at < 0) throw new Error(`${file} calls ${name}...) no more.`);
  return { file: `examples/demo/${file}:${at + 1}`, text: (lines[at] as string).trim() };
}
