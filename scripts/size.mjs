// What an application's bundler makes of core: chunk by chunk, minified, `gzip -9`. Run by itself it prints the table; .size-limit.mjs holds the counted part to its limit.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, ".tmp", "size");

/** Built packages only: what users install. */
const core = join(root, "packages/core/dist");
const everything = `export * from ${JSON.stringify(join(core, "index.js"))};`;
/** What README's example imports, with the trust of an agent that does not keep its own authority: what is counted. */
const example = `export { createAgent, method, trust } from ${JSON.stringify(join(core, "index.js"))};`;
const websocket = `export { connectWebSocket } from ${JSON.stringify(join(root, "packages/websocket/dist/index.js"))};`;

/**
 * Chunks that are loaded on first use, by the module they are for, and when. None is counted: counted is what any page loads that
 * talks to another agent over a classical suite, ES256 and current Ed25519 being WebCrypto's: X25519 in JavaScript and jose are part of a
 * page's start (`browser` in core's package.json); Node has its own X25519 and loads jose with the first token.
 */
const lazy = [
  { module: "identity/remote-key-set.js", what: "issuer's keys from a URL: with trust.jwksUrl only" },
  { module: "agent-options.js", what: "checks of options that few agents have, and words for wrong ones" },
  {
    module: "patterns/peers/hello.js",
    what: "what peers say of themselves: with the first link, which does not wait for it, in a page; Node has it from the start",
  },
  {
    module: "patterns/answering/server.js",
    what: "the side that answers: with the first handler or what a peer first says, in a page; Node has it from the start",
  },
  { module: "link/seek.js", what: "other instances of an agent: with the first requests to it that overlap, in a page; Node has it from the start" },
  { module: "patterns/telemetry/tracing.js", what: "what gives messages their place in a trace: with `tracer`" },
  { module: "patterns/telemetry/telemetry.js", what: "what tells what an agent does: with the first listener, in a page; Node has it from the start" },
  { module: "patterns/topics/topics.js", what: "topics: with the first that is published or subscribed to" },
  { module: "identity/local-authority.js", what: "createAuthority: whoever issues tokens" },
  { module: "patterns/via/forward.js", what: "agent.forward: whoever carries frames for others" },
  { module: "identity/exchange/endpoint.js", what: "authority.accept: whoever serves POST /token" },
  { module: "patterns/peers/describe-agent.js", what: "descriptions of what an agent serves" },
  { module: "patterns/admission/guards.js", what: "who may do what, and how often: with `policy` or `limits.rate`" },
  { module: "patterns/streams/streams.js", what: "streams: whoever opens or handles one, or has one opened by a peer" },
  { module: "contract/expectation.js", what: "words for values that do not fit their schema" },
  { module: "patterns/presence/station.js", what: "presence: whoever serves, publishes, subscribes or looks for others" },
  { module: "store/state.js", what: "what is kept: with `store`, or dead letters in memory" },
  { module: "patterns/durable/durable.js", what: "durable messages: whoever sends or gets one" },
  { module: "patterns/checkpoints/checkpoints.js", what: "checkpoints: with a store" },
  { module: "patterns/checkpoints/recovery.js", what: "what a start found: with a store" },
  { module: "patterns/dead-letters/dead-letters.js", what: "dead letters: with `store` or `deadLetters`" },
  { module: "patterns/idempotency/keyed.js", what: "replies by key: whoever is asked with an idempotency key" },
  { module: "patterns/peers/route.js", what: "targets by kind" },
  { module: "secure/responder.js", what: "answering handshakes: whoever is dialled, in a page; Node has it from the start" },
  { module: "crypto/kem.js", what: "ML-KEM-768, its checks: hybrid suite" },
  { module: "@noble/post-quantum/ml-kem.js", what: "ML-KEM-768 in JavaScript: hybrid suite" },
  { module: "crypto/ed25519.js", what: "Ed25519 in JavaScript: browsers older than 2025" },
  { module: "crypto/noise-answers.js", what: "checks of AES-GCM and BLAKE2s: @tightbeam/core/noise only" },
  { module: "crypto/aes-gcm.js", what: "AES-GCM in JavaScript: @tightbeam/core/noise only" },
  { module: "crypto/blake2s.js", what: "BLAKE2s: @tightbeam/core/noise only" },
];

async function bundle({ contents = example, platform = "browser", external = [] } = {}) {
  const leaveOut = {
    name: "leave out",
    setup: (hooks) =>
      hooks.onResolve({ filter: /.*/ }, ({ path, kind }) =>
        kind === "dynamic-import" && external.some((module) => path === module || `/${path}`.endsWith(`/${basename(module)}`))
          ? { path, external: true }
          : undefined,
      ),
  };
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: core, sourcefile: "application.js" },
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform,
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
    if (path !== undefined && !seen.has(path)) {
      seen.add(path);
      for (const next of chunks.get(path).needs) reach(next, seen);
    }
    return seen;
  };
  const find = (module) =>
    [...chunks].find(
      ([, { entryPoint, inputs }]) => entryPoint?.endsWith(module) || (entryPoint === undefined && inputs.some((input) => input.endsWith(module))),
    )?.[0];
  const start = reach(find("application.js"));
  return { chunks, reach, find, start };
}

const sum = ({ chunks }, paths) => paths.reduce((total, path) => total + chunks.get(path).gzip, 0);
const notCounted = lazy.map(({ module }) => module);

const jose = "jose/dist/webapi/jws/compact/verify.js";

/** The chunks that are loaded before the first message has come through. */
function loaded(built) {
  const paths = new Set(built.start);
  for (const path of built.reach(built.find(jose))) paths.add(path);
  return [...paths];
}

/** `counted`: the files a page loads for core without what `lazy` leaves out. `rows`: everything there is, with what each part adds to the start. */
export async function measureSize() {
  const built = await bundle({ external: notCounted });
  const paths = loaded(built);
  const whole = await bundle({ contents: everything });
  const rows = [{ what: "start: `createAgent`, `method` and `trust`, with X25519 in JavaScript and jose", counted: true, gzip: sum(built, [...built.start]) }];
  for (const { module, what } of lazy) {
    const own = [...whole.reach(whole.find(module))].filter((path) => !whole.start.has(path));
    rows.push({ what, counted: false, gzip: sum(whole, own) });
  }
  const all = await bundle({ contents: everything, external: notCounted });
  const page = await bundle({ contents: `${example}${websocket}`, external: notCounted });
  const split = await bundle();
  const node = await bundle({ platform: "node", external: [...notCounted, "crypto/x25519.js"] });
  return {
    counted: paths.map((path) => built.chunks.get(path)),
    rows,
    bytes: sum(built, paths),
    others: [
      { what: "the same with everything that `@tightbeam/core` exports", gzip: sum(all, loaded(all)) },
      { what: "the same with `connectWebSocket`, the package @tightbeam/websocket: the start of such a page", gzip: sum(page, loaded(page)) },
      { what: "the same bundled for Node: native cryptography instead of X25519 in JavaScript", gzip: sum(node, loaded(node)) },
      {
        what: "the same in a build that keeps every part: what they share, `@noble/hashes` above all, moves into the start with what only they use of it",
        gzip: sum(split, loaded(split)),
      },
      { what: `all of core: every chunk, ${whole.chunks.size} of them`, gzip: sum(whole, [...whole.chunks.keys()]) },
    ],
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
  const { rows, bytes, others, counted } = await measureSize();
  const row = (gzip, what) => console.log(`${gzip.toLocaleString("en").padStart(10)}  ${what}`);
  console.log("gzip bytes  counted  part");
  for (const { what, counted: isCounted, gzip } of rows) row(gzip, `${isCounted ? "yes    " : "no     "}  ${what}`);
  row(bytes, `         counted, in ${counted.length} files: what a page loads before its first message`);
  for (const { what, gzip } of others) row(gzip, `         ${what}`);
}
