// The folder an organizer may touch: real files, sorted by what they are.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, realpath, rename, rm } from "node:fs/promises";
import { extname, join, sep } from "node:path";

const places: Readonly<Record<string, string>> = { ".jpg": "pictures", ".png": "pictures", ".txt": "documents", ".md": "documents", ".mp3": "music" };

export interface Sorter {
  readonly files: readonly string[];
  /** Moves a file to where its kind belongs, unless its content is there already. */
  place(file: string): Promise<{ readonly duplicateOf: string } | undefined>;
  remove(file: string): Promise<void>;
}

/** Undefined for what is not inside `root`, whatever links and dots the name has. */
export async function openFolder(root: string, name: string): Promise<Sorter | undefined> {
  const top = await realpath(root);
  const folder = await realpath(join(top, name)).catch(() => undefined);
  if (folder === undefined || !folder.startsWith(top + sep)) return undefined;
  const entries = await readdir(folder, { withFileTypes: true });
  const known = new Map<string, string>();
  for (const kind of new Set([...Object.values(places), "other"])) {
    for (const file of await readdir(join(folder, kind)).catch(() => [])) known.set(await digest(join(folder, kind, file)), file);
  }
  return {
    files: entries
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort(),
    async place(file) {
      const from = join(folder, file);
      const content = await digest(from);
      const twin = known.get(content);
      if (twin !== undefined) return { duplicateOf: twin };
      const kind = join(folder, places[extname(file)] ?? "other");
      await mkdir(kind, { recursive: true });
      await rename(from, join(kind, file));
      known.set(content, file);
      return undefined;
    },
    remove: (file) => rm(join(folder, file)),
  };
}

const digest = async (path: string): Promise<string> =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
