// Which suites need something that not every machine has.
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Suites that run in a page: every `*.browser.test.ts` (or `.tsx`) under a package's test folder, as paths from the root. */
export function browserTests() {
  return readdirSync(join(root, "packages"))
    .map((name) => join(root, "packages", name, "test"))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => relative(root, join(folder, String(file)))))
    .filter((file) => /\.browser\.test\.tsx?$/.test(file));
}
