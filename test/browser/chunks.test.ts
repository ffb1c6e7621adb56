import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const inRoot = (path: string): string => join(root, path);

/** What a page loads of core, run here: each chunk says when it is loaded. */
let place: string;
let page: typeof import("@tightbeam/core") & typeof import("@tightbeam/memory");
const loaded: string[] = [];
/** The chunk a source is in. */
const chunks = new Map<string, string>();

beforeAll(async () => {
  mkdirSync(inRoot(".tmp"), { recursive: true });
  place = mkdtempSync(inRoot(".tmp/chunks-"));
  const { browser } = JSON.parse(readFileSync(inRoot("packages/core/package.json"), "utf8")) as { browser: Record<string, string> };
  const forPages = new Map(
    Object.entries(browser).map(
      (pair) => pair.map((path) => inRoot(`packages/core/${path.replace("./dist/", "src/").replace(/\.js$/, ".ts")}`)) as [string, string],
    ),
  );
  const { outputFiles, metafile } = await build({
    stdin: { contents: 'export * from "@tightbeam/core"; export * from "@tightbeam/memory";', resolveDir: inRoot("test"), sourcefile: "page.js" },
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions: ["@tightbeam/source"],
    absWorkingDir: root,
    outdir: place,
    outExtension: { ".js": ".mjs" },
    logLevel: "silent",
    plugins: [
      {
        // The manifest names built files; these are their sources.
        name: "browser field",
        setup: (hooks) =>
          hooks.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
            const instead = forPages.get(join(resolveDir, path.replace(/\.js$/, ".ts")));
            return instead === undefined ? undefined : { path: instead };
          }),
      },
    ],
  });
  let start = "";
  for (const { path, text } of outputFiles) {
    const name = basename(path);
    const { inputs, entryPoint } = metafile.outputs[`${place.slice(root.length)}/${name}`] ?? { inputs: {} };
    for (const input of Object.keys(inputs)) chunks.set(input.replace(/.*packages\/core\/src\//, ""), name);
    if (entryPoint?.endsWith("page.js") === true) start = path;
    writeFileSync(path, `globalThis.chunksLoaded?.push(${JSON.stringify(name)});\n${text}`);
  }
  Object.assign(globalThis, { chunksLoaded: loaded });
  page = (await import(/* @vite-ignore */ pathToFileURL(start).href)) as typeof page;
});
afterAll(() => {
  Object.assign(globalThis, { chunksLoaded: undefined });
  rmSync(place, { recursive: true, force: true });
});

const parts = [
  "patterns/answering/server.ts",
  "secure/responder.ts",
  "patterns/admission/guards.ts",
  "patterns/streams/streams.ts",
  "patterns/topics/topics.ts",
  "patterns/presence/station.ts",
  "patterns/peers/route.ts",
  "patterns/via/forward.ts",
];
const there = (): string[] => parts.filter((part) => loaded.includes(chunks.get(part) ?? part));

test("a page that is built in chunks loads each part of core when it is first used, and talks with it", async () => {
  const { createAgent, createAuthority, createHub, connectMemory, stream } = page;
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const hub = createHub();
  const enroll = async (id: string, options: object = {}) =>
    createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), presence: false, ...options });
  const alice = await enroll("alice");
  const bob = await enroll("bob");
  expect(there()).toEqual([]);

  bob.handle("add", (input) => (input as number[]).reduce((sum, each) => sum + each));
  expect(await alice.request("bob", "add", [1, 2])).toBe(3);
  expect(there()).toEqual(["patterns/answering/server.ts", "secure/responder.ts"]);

  const carol = await enroll("carol", { policy: () => true });
  expect(there()).toEqual(["patterns/answering/server.ts", "secure/responder.ts", "patterns/admission/guards.ts"]);

  // Nobody here has to do with streams until this one comes.
  expect(await alice.stream("carol", "nothing").result.catch(({ code }: { code: string }) => code)).toBe("no_handler");
  expect(there()).toContain("patterns/streams/streams.ts");
  bob.handle(stream("count"), async function* (to) {
    for (let n = 0; n < Number(to); n++) yield n;
    return "done";
  });
  const counting = alice.stream("bob", "count", 3);
  const counted: unknown[] = [];
  for await (const each of counting) counted.push(each);
  expect([counted, await counting.result]).toEqual([[0, 1, 2], "done"]);

  expect(there()).not.toContain("patterns/topics/topics.ts");
  const seen: unknown[] = [];
  let all = (): void => undefined;
  const got = new Promise<void>((resolve) => (all = resolve));
  await bob.subscribe("news", (event) => (seen.push(event) === 2 ? all() : undefined), { from: ["alice"], ready: 1 });
  await alice.publish("news", 1);
  await alice.publish("news", 2);
  await got;
  expect(seen).toEqual([1, 2]);
  expect(there()).toEqual([
    "patterns/answering/server.ts",
    "secure/responder.ts",
    "patterns/admission/guards.ts",
    "patterns/streams/streams.ts",
    "patterns/topics/topics.ts",
  ]);
  await Promise.all([alice, bob, carol].map((agent) => agent.close({ drain: 1_000 })));
});
