import { type Finding, importsOf, resolveImport, type SourceFile } from "./source.js";

const CORE = "packages/core/src/";

/** The layers of core from the bottom up. A file may import its own layer and those below it. */
const layers: readonly string[] = [
  "base",
  "runtime",
  "telemetry",
  "resilience",
  "transport",
  "frame",
  "crypto",
  "store",
  "noise",
  "identity",
  "secure",
  "link",
  "codec",
  "envelope",
  "contract",
  "patterns",
  "agent",
  "index",
  "observability",
  "opentelemetry",
];

/** The layer of a core source: its folder; beside the folders stand `agent.ts` with what is named after it, `index.ts`, and the base that all share (errors, limits, bytes). */
function layerOf(path: string): string {
  const [first = "", ...rest] = path.slice(CORE.length).split("/");
  if (rest.length > 0) return first;
  const name = first.replace(/\.ts$/, "");
  if (name.startsWith("agent-") || name === "plain-options") return "agent";
  return name === "agent" || name === "index" ? name : "base";
}

const rankOf = (layer: string): number => layers.indexOf(layer);

/** A folder of core imports only what stands below it, and every folder has its place in the table. */
export function checkLayers(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files.filter(({ path }) => path.startsWith(CORE))) {
    const layer = layerOf(file.path);
    const rank = rankOf(layer);
    if (rank < 0) findings.push({ path: file.path, message: `"${layer}" has no place in the table of layers` });
    for (const specifier of importsOf(file)) {
      const target = resolveImport(file.path, specifier);
      if (target === undefined) continue;
      if (!target.startsWith(CORE)) findings.push({ path: file.path, message: `"${specifier}" leaves the package's sources` });
      else if (rankOf(layerOf(target)) > rank)
        findings.push({ path: file.path, message: `${layer} imports ${layerOf(target)} ("${specifier}"), which stands above it` });
    }
  }
  return findings;
}

/** Patterns and cryptography know nothing of each other; only the link, the agent and the public index see both. */
export function checkPatternsApartFromSecure(files: readonly SourceFile[]): Finding[] {
  const meeting = ["link", "agent", "index"];
  const findings: Finding[] = [];
  for (const file of files.filter(({ path }) => path.startsWith(CORE))) {
    const layer = layerOf(file.path);
    if (meeting.includes(layer)) continue;
    const targets = importsOf(file).flatMap((specifier) => resolveImport(file.path, specifier) ?? []);
    const seen = new Set([layer, ...targets.map(layerOf)]);
    if (seen.has("patterns") && seen.has("secure")) findings.push({ path: file.path, message: "patterns and secure meet only in link, agent and index" });
  }
  return findings;
}

const transportEntries: readonly string[] = ["@tightbeam/core/transport", "@tightbeam/core/identity", "@tightbeam/core/runtime"];
const relay = "packages/websocket/src/relay/";

/** A transport package sees core only through the entries meant for transports; its relay, which is a program and no transport, is monitored as agents are. */
export const checkTransportPackages = (files: readonly SourceFile[], packages = ["memory", "websocket", "nats"]): Finding[] => [
  ...checkEntries(
    files.filter(({ path }) => !path.startsWith(relay)),
    packages,
    "transport",
    transportEntries,
  ),
  ...checkEntries(
    files.filter(({ path }) => path.startsWith(relay)),
    packages,
    "transport",
    [...transportEntries, "@tightbeam/core/observability"],
  ),
];

/** A package of a store, or the part of a package that is one, sees core only through the entries meant for stores. */
export const checkStorePackages = (files: readonly SourceFile[], packages = ["store-lmdb", "nats/src/store"]): Finding[] =>
  checkEntries(files, packages, "store", ["@tightbeam/core/store", "@tightbeam/core/runtime"]);

const checkEntries = (files: readonly SourceFile[], packages: readonly string[], kind: string, allowed: readonly string[]): Finding[] =>
  files
    .filter(({ path }) => packages.some((name) => path.startsWith(name.includes("/") ? `packages/${name}/` : `packages/${name}/src/`)))
    .filter(({ path }) => kind === "store" || !/^packages\/\w+\/src\/store\//.test(path))
    .flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.startsWith("@tightbeam/") && !allowed.includes(specifier))
        .map((specifier) => ({ path: file.path, message: `a ${kind} package may import ${allowed.join(", ")}, not "${specifier}"` })),
    );

/** A library that only named folders may import, so that there is one place where its policy is set. */
export function checkOnlyImporters(files: readonly SourceFile[], library: RegExp, allowed: readonly string[]): Finding[] {
  return files
    .filter(({ path }) => !allowed.some((prefix) => path.startsWith(prefix)))
    .flatMap((file) =>
      importsOf(file)
        .filter((specifier) => library.test(specifier))
        .map((specifier) => ({ path: file.path, message: `"${specifier}" is imported only in ${allowed.join(", ")}` })),
    );
}

/** Import cycles, each once, as the path that closes it. Cycles of types count: they hide a layer that is missing. */
export function checkCycles(files: readonly SourceFile[]): Finding[] {
  const known = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const stack: string[] = [];
  const findings: Finding[] = [];
  const visit = (path: string): void => {
    const start = stack.indexOf(path);
    if (start >= 0) {
      findings.push({ path, message: `import cycle: ${[...stack.slice(start), path].join(" -> ")}` });
      return;
    }
    const file = known.get(path);
    if (file === undefined || done.has(path)) return;
    stack.push(path);
    for (const specifier of importsOf(file)) {
      const target = resolveImport(path, specifier);
      if (target !== undefined) visit(known.has(target) ? target : `${target}x`);
    }
    stack.pop();
    done.add(path);
  };
  for (const path of known.keys()) visit(path);
  return findings;
}

/** A relative import names a source that exists (`.ts` or `.tsx`), with the `.js` of its build. */
export function checkResolvable(files: readonly SourceFile[]): Finding[] {
  const known = new Set(files.map(({ path }) => path));
  const isKnown = (path: string): boolean => known.has(path) || known.has(`${path}x`);
  return files.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .filter((specifier) => !specifier.endsWith(".js") || !isKnown(resolveImport(file.path, specifier) ?? ""))
      .map((specifier) => ({ path: file.path, message: `"${specifier}" names no source file (relative imports end in .js)` })),
  );
}
