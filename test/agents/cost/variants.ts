import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** What stands in core's sources where they ask whether somebody listens or traces. */
const taken = /const \{ (messages|tracing) \} = [\w.#]*\btaps;/g;
const asked = /[\w.#?]*\btaps\.(?:messages|tracing|link)\b(?! = )/g;
const entered = /standing\(taps, (\w+)\)/g;

/** Nothing of what runs is compiled, flushed or collected on the way, by this thread or another: then two runs allocate the same. */
const flags = [
  "--expose-gc",
  "--no-opt",
  "--no-sparkplug",
  "--no-flush-bytecode",
  "--single-threaded",
  "--hash-seed=1",
  "--random-seed=1",
  "--min-semi-space-size=64",
  "--max-semi-space-size=128",
];

export type Variant = "as it is" | "without hooks" | "with an object for each message";

/** Counts how often a source was changed, so that what is compared is what it says. */
function change(source: string, variant: Variant): { readonly text: string; readonly changes: number } {
  let changes = 0;
  const put = (text: string, pattern: RegExp, by: (...found: string[]) => string): string =>
    text.replace(pattern, (...found: string[]) => {
      changes++;
      return by(...found);
    });
  if (variant === "as it is") return { text: source, changes };
  if (variant === "without hooks") {
    const without = put(source, taken, (_all, name = "") => `const ${name} = undefined as never;`);
    return {
      text: put(
        put(without, asked, () => "(undefined as never)"),
        entered,
        (_all, operation = "") => operation,
      ),
      changes,
    };
  }
  return {
    text: put(source, /const \{ messages \} = this\.#host\.taps;|\btaps\.(?:messages === undefined|link !== undefined)/g, (all) => planted(all)),
    changes,
  };
}

const planted = (hook: string): string => (hook.startsWith("const") ? "const { messages } = { ...this.#host.taps };" : hook.replace("taps", "({ ...taps })"));

export interface Measured {
  readonly changes: number;
  /** Bytes for each message, round by round; null where something was collected meanwhile. */
  readonly bytes: Readonly<Record<string, readonly (number | null)[]>>;
}

/** How esbuild makes a program of this folder, with the sources of all packages in it. */
export const fromSource = (name: string, outfile: string): BuildOptions => ({
  entryPoints: [join(root, `test/agents/cost/${name}.ts`)],
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  conditions: ["@tightbeam/source"],
  outfile,
  logLevel: "error",
});

/** Measures core's sources in a process of their own, changed as the variant says. */
export async function measure(variant: Variant): Promise<Measured> {
  let changes = 0;
  const outfile = join(root, ".tmp", "cost", `${variant.replaceAll(" ", "-")}.mjs`);
  await build({
    ...fromSource("measure", outfile),
    plugins: [
      {
        name: "variant",
        setup: ({ onLoad }) =>
          onLoad({ filter: /packages\/core\/src\/.*\.ts$/ }, async ({ path }) => {
            const source = await readFile(path, "utf8");
            // They set what the others ask for.
            const changed = /\/patterns\/telemetry\//.test(path) ? { text: source, changes: 0 } : change(source, variant);
            changes += changed.changes;
            return { contents: changed.text, loader: "ts" };
          }),
      },
    ],
  });
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, outfile]);
  return { changes, bytes: JSON.parse(stdout) };
}

/** How many bytes more a message takes: the median over the rounds, which do the same in both. */
export function more(one: Measured, other: Measured, kind: string): number {
  const differences = (one.bytes[kind] ?? []).flatMap((bytes, round) => {
    const against = other.bytes[kind]?.[round] ?? null;
    return bytes === null || against === null ? [] : [bytes - against];
  });
  return differences.sort((a, b) => a - b)[differences.length >> 1] ?? Number.NaN;
}
