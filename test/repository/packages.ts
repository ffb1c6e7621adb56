import type { Finding } from "./source.js";

/** The part of a package.json that the checks read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly license?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A manifest beside its folder, a path from the root such as `packages/core`. */
export interface Package {
  readonly folder: string;
  readonly manifest: Manifest;
}

type Exists = (path: string) => boolean;

const under = (folder: string, path: string): string => `${folder}/${path.replace(/^\.\//, "")}`;

/** Every exports entry names its source, types and build in step, and the source (after a build also the rest) exists. */
export function checkExports({ folder, manifest }: Package, exists: Exists, built: boolean): Finding[] {
  const findings: Finding[] = [];
  const path = `${folder}/package.json`;
  for (const [entry, target] of Object.entries(manifest.exports ?? {})) {
    if (typeof target === "string") {
      if (!exists(under(folder, target))) findings.push({ path, message: `exports["${entry}"] names ${target}, which does not exist` });
      continue;
    }
    const { "@tightbeam/source": source = "", types = "", node, default: build = "" } = target;
    const stem = source.replace(/^\.\/src\//, "").replace(/\.ts$/, "");
    if (Object.keys(target).join() !== `@tightbeam/source,types,${node === undefined ? "" : "node,"}default`)
      findings.push({ path, message: `exports["${entry}"] must have @tightbeam/source, types, node if it has one, default in this order` });
    if (types !== `./dist/${stem}.d.ts` || build !== `./dist/${stem}.js` || (node ?? bundled(stem)) !== bundled(stem))
      findings.push({ path, message: `exports["${entry}"]: types, node and default are not the build of ${source}` });
    for (const file of built ? [source, types, ...(node === undefined ? [] : [node]), build] : [source]) {
      if (!exists(under(folder, file))) findings.push({ path, message: `exports["${entry}"] names ${file}, which does not exist` });
    }
  }
  const objects = Object.values(manifest.exports ?? {}).filter((target) => typeof target === "object");
  // Some of them in two copies would be two of every class.
  if (new Set(objects.map(({ node }) => node === undefined)).size > 1) findings.push({ path, message: "exports: every entry has `node`, or none" });
  return findings;
}

/** What scripts/build-core.mjs makes of it, for Node. */
const bundled = (stem: string): string => `./dist/node/${stem}.js`;

/** The sources of a package's commands: `./dist/x.js` is built from `src/x.ts`, and behind a `bin/` script stands a file named `bin.ts`. */
export function commandSources({ folder, manifest }: Package, paths: readonly string[] = []): string[] {
  const commands = typeof manifest.bin === "string" ? [manifest.bin] : Object.values(manifest.bin ?? {});
  const behind = commands.length > 0 ? paths.filter((path) => path.startsWith(`${folder}/src/`) && path.endsWith("/bin.ts")) : [];
  return [...behind, ...commands].map((file) =>
    behind.includes(file) ? file : under(folder, file.replace(/^(?:\.\/)?dist\//, "src/").replace(/\.js$/, ".ts")),
  );
}

/** One version for all packages, one range for each library, and the same facts in every manifest. */
export function checkVersions(packages: readonly Package[]): Finding[] {
  const findings: Finding[] = [];
  const published = packages.filter(({ manifest }) => !manifest.private);
  const version = published[0]?.manifest.version;
  const ranges = new Map<string, { range: string; path: string }>();
  for (const { folder, manifest } of packages) {
    const path = `${folder}/package.json`;
    if (!manifest.private) {
      if (manifest.version !== version) findings.push({ path, message: `version ${manifest.version}, but ${published[0]?.manifest.name} has ${version}` });
      if (manifest.type !== "module") findings.push({ path, message: 'type must be "module"' });
      if (manifest.license !== "Apache-2.0") findings.push({ path, message: "license must be Apache-2.0" });
      if (manifest.engines?.node !== ">=20.19") findings.push({ path, message: 'engines.node must be ">=20.19"' });
      if (!manifest.exports?.["./package.json"]) findings.push({ path, message: 'exports must have "./package.json"' });
    }
    for (const [name, range] of Object.entries({ ...manifest.devDependencies, ...manifest.optionalDependencies, ...manifest.dependencies })) {
      if (name.startsWith("@tightbeam/")) {
        // The root is no package: changesets leaves it alone, so it takes whatever version the workspace has.
        if (range !== (folder === "." ? "*" : version)) findings.push({ path, message: `${name} must be ${version}, not ${range}` });
        continue;
      }
      const first = ranges.get(name);
      if (first === undefined) ranges.set(name, { range, path });
      else if (first.range !== range) findings.push({ path, message: `${name} is ${range} here and ${first.range} in ${first.path}` });
    }
  }
  return findings;
}

/** Every published package is part of the build. */
export function checkReferences(packages: readonly Package[], references: readonly string[]): Finding[] {
  return packages
    .filter(({ manifest, folder }) => !manifest.private && !references.includes(folder))
    .map(({ folder }) => ({ path: "tsconfig.json", message: `${folder} is not among the references, so it is never built` }));
}
