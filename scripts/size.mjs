// What an application's bundler makes of core: chunk by chunk, minified, `gzip -9`. Run by itself it prints the table; .size-limit.mjs holds the counted part to its limit.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, ".tmp", "size");

/** Built packages only: what users install. */
const entry = join(root, "packages/core/dist/index.js");

/**
 * Chunks that are loaded on first use, by the module they are for. Counted are those that any agent in a browser may need: X25519 where
 * WebCrypto's is not reachable synchronously, and jose to verify tokens. Not counted: ML-KEM (the hybrid), noble's Ed25519 (WebCrypto has
 * ES256 everywhere and Ed25519 in current browsers), ciphers of other Noise suites, and what issues tokens.
 */
const lazy = [
  { module: "crypto/x25519.js", counted: true, what: "X25519 in JavaScript" },
  { module: "jose/dist/webapi/jwt/verify.js", counted: true, what: "verification of tokens (jose)" },
  { module: "crypto/kem.js", counted: false, what: "ML-KEM-768, its checks" },
  { module: "@noble/post-quantum/ml-kem.js", counted: false, what: "ML-KEM-768" },
  { module: "crypto/ed25519.js", counted: false, what: "Ed25519 in JavaScript" },
  { module: "identity/local-authority.js", counted: false, what: "createAuthority: issues tokens" },
  { module: "crypto/aes-gcm.js", counted: false, what: "AES-GCM in JavaScript (Noise by itself)" },
  { module: "crypto/blake2s.js", counted: false, what: "BLAKE2s (Noise by itself)" },
];

async function bundle(external) {
  const leaveOut = {
    name: "leave out",
    setup: (hooks) =>
      hooks.onResolve({ filter: /.*/ }, ({ path, importer }) =>
        importer !== "" && external.some((module) => path === module || `/${path}`.endsWith(`/${basename(module)}`)) ? { path, external: true } : undefined,
      ),
  };
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: folder,
    write: false,
    metafile: true,
    absWorkingDir: root,
    plugins: [leaveOut],
  });
  const chunks = new Map();
  for (const [path, { imports, inputs, entryPoint }] of Object.entries(metafile.outputs)) {
    const file = outputFiles.find((one) => basename(one.path) === basename(path));
    chunks.set(path, {
      path: file.path,
      contents: file.contents,
      entryPoint,
      gzip: gzipSync(file.contents, { level: 9 }).length,
      needs: imports.filter(({ kind, external: outside }) => kind === "import-statement" && !outside).map((one) => one.path),
      inputs: Object.keys(inputs),
    });
  }
  const reach = (path, seen = new Set()) => {
    if (!seen.has(path)) {
      seen.add(path);
      for (const next of chunks.get(path).needs) reach(next, seen);
    }
    return seen;
  };
  const find = (module) =>
    [...chunks].find(
      ([, { entryPoint, inputs }]) => entryPoint?.endsWith(module) || (entryPoint === undefined && inputs.some((input) => input.endsWith(module))),
    )?.[0];
  const start = reach(find("core/dist/index.js"));
  return { chunks, reach, find, start };
}

/** `counted`: the files an application loads for core without what `lazy` leaves out. `rows`: everything there is, with what each part adds to the start. */
export async function measureSize() {
  const { chunks, reach, find, start } = await bundle(lazy.filter(({ counted }) => !counted).map(({ module }) => module));
  const paths = new Set(start);
  for (const { module } of lazy.filter(({ counted }) => counted)) for (const path of reach(find(module))) paths.add(path);
  const counted = [...paths].map((path) => chunks.get(path));

  const whole = await bundle([]);
  const sum = (all, list) => list.reduce((total, path) => total + all.get(path).gzip, 0);
  const rows = [{ what: "start (everything `@tightbeam/core` exports)", counted: true, gzip: sum(chunks, [...start]) }];
  for (const { module, what, counted: isCounted } of lazy) {
    const from = isCounted ? { chunks, reach, find, start } : whole;
    const own = [...from.reach(from.find(module))].filter((path) => !from.start.has(path));
    rows.push({ what, counted: isCounted, gzip: sum(from.chunks, own) });
  }
  return {
    counted,
    rows,
    bytes: counted.reduce((total, { gzip }) => total + gzip, 0),
    startOfWhole: sum(whole.chunks, [...whole.start]),
  };
}

/** Writes the counted chunks where size-limit can read them. */
export async function writeCounted() {
  const { counted } = await measureSize();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of counted) writeFileSync(path, contents);
  return counted.map(({ path }) => path);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { rows, bytes, startOfWhole, counted } = await measureSize();
  console.log("gzip bytes  counted  part");
  for (const { what, counted: isCounted, gzip } of rows)
    console.log(`${gzip.toLocaleString("en").padStart(10)}  ${isCounted ? "yes    " : "no     "}  ${what}`);
  console.log(`${bytes.toLocaleString("en").padStart(10)}           counted, in ${counted.length} files`);
  console.log(
    `${startOfWhole.toLocaleString("en").padStart(10)}           start when nothing is left out of the build: chunks shared with the parts that are not counted hold more`,
  );
}
