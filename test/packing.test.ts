import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needNatsServer, startBroker } from "../packages/nats/test/broker.js";
import { firstExample, promisedOutput } from "./packing/example.js";

const exec = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const quiet = { ...process.env, NODE_OPTIONS: "", npm_config_loglevel: "error", npm_config_audit: "false", npm_config_fund: "false" };

/** Pages whose first example is a whole program; it says what it prints in `// prints: ...` comments. */
const nats = "packages/nats/README.md";
const pages = [
  "README.md",
  ...["core", "memory", "websocket", "store-lmdb", "inspector", "simulation"].map((name) => `packages/${name}/README.md`),
  nats,
].filter((page) => existsSync(join(root, page)));
const folders = readdirSync(join(root, "packages")).filter((name) => existsSync(join(root, "packages", name, "package.json")));

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

describe("reading a page", () => {
  it("takes the first program and what it promises", () => {
    const page = "# A\n```sh\nnpm i\n```\n```ts\nconsole.log(1); // prints: 1\n```\n```ts\nlater();\n```\n";
    expect(firstExample(page)).toBe("console.log(1); // prints: 1\n");
    expect(promisedOutput(firstExample(page) ?? "")).toEqual(["1"]);
    expect(firstExample("# no program\n```sh\nls\n```\n")).toBeUndefined();
  });
});

describe("the packages as published", () => {
  const place = mkdtempSync(join(tmpdir(), "tightbeam-packing-"));
  /** `npm test` has packed them already. */
  const archives = process.env.TIGHTBEAM_PACKED ?? join(place, "archives");
  const packed = new Map<string, Packed>();
  afterAll(() => rmSync(place, { recursive: true, force: true }), 60_000);

  beforeAll(async () => {
    for (const name of folders)
      if (!existsSync(join(root, "packages", name, "dist"))) throw new Error(`packages/${name} is not built: run npm run build, or npm test, first`);
    if (process.env.TIGHTBEAM_PACKED === undefined) await exec(process.execPath, [join(root, "scripts", "pack.mjs"), archives], { env: quiet });
    for (const each of JSON.parse(readFileSync(join(archives, "packed.json"), "utf8")) as Packed[]) packed.set(each.name.replace("@tightbeam/", ""), each);
    writeFileSync(join(place, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
    const tarballs = [...packed.values()].map(({ filename }) => join(archives, filename));
    await exec("npm", ["install", "--no-package-lock", "--prefer-offline", ...tarballs, "zod"], { cwd: place, env: quiet });
  }, 240_000);

  it("are one for each folder", () => expect([...packed.keys()].sort()).toEqual(folders.toSorted()));

  it.each(folders)("%s holds its build, its sources and its papers, and nothing else", (name) => {
    const paths = packed.get(name)?.files.map(({ path }) => path) ?? [];
    for (const needed of ["package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.js.map", "dist/index.d.ts", "src/index.ts"])
      expect(paths).toContain(needed);
    expect(paths.filter((path) => !/^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|(?:dist|src|bin|docs|template)\/.+)$/.test(path))).toEqual([]);
    expect(paths.filter((path) => /\.test\.|tsbuildinfo|node_modules/.test(path) && !path.startsWith("template/"))).toEqual([]);
  });

  it("has a program to run", () => expect(pages.length).toBeGreaterThan(0));

  it.each(pages.filter((page) => page !== nats))("runs the first example of %s in an empty project", (page) => mustRun(page));
  it(`runs the first example of ${nats} in an empty project, at a nats-server of its own`, async (context) => {
    needNatsServer(context);
    const broker = await startBroker();
    await mustRun(nats, (code) => code.replaceAll("nats://127.0.0.1:4222", broker.url)).finally(broker.close);
  });

  it("runs the suite that the conformance kit's page begins with, in an empty project with vitest", async () => {
    const code = firstExample(readFileSync(join(root, "packages/conformance/README.md"), "utf8")) ?? "";
    writeFileSync(join(place, "memory.test.ts"), code);
    // As here: no registry is asked.
    const vitest = join(place, "node_modules", "vitest");
    if (!existsSync(vitest)) symlinkSync(realpathSync(join(root, "node_modules", "vitest")), vitest);
    const args = [join(vitest, "vitest.mjs"), "run", "--root", place, "--reporter=json", "memory.test.ts"];
    const { stdout } = await exec(process.execPath, args, { cwd: place, env: { ...quiet, VITEST: "" }, timeout: 60_000 });
    const report = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { numPassedTests: number; numFailedTests: number };
    expect(report.numPassedTests).toBeGreaterThan(25);
    expect(report.numFailedTests).toBe(0);
  });

  describe("core as Node loads it", () => {
    const entries = ["", "/identity", "/transport", "/envelope", "/runtime", "/store", "/resilience", "/via", "/observability", "/noise"];

    it("has one copy of what its entries share", async () => {
      writeFileSync(
        join(place, "entries.mjs"),
        `const seen = new Map();
        let shared = 0;
        for (const entry of ${JSON.stringify(entries)})
          for (const [name, value] of Object.entries(await import("@tightbeam/core" + entry))) {
            if (seen.has(name)) shared++;
            if (seen.has(name) && seen.get(name) !== value) console.log("two of", name, entry);
            seen.set(name, value);
          }
        console.log(shared > 4, import.meta.resolve("@tightbeam/core").endsWith("/core/dist/node/index.js"));`,
      );
      expect((await exec(process.execPath, [join(place, "entries.mjs")], { cwd: place, env: quiet })).stdout.trim()).toBe("true true");
    });

    it("is a few files, of its own modules only, whose source maps lead into the sources it comes with", () => {
      const core = join(place, "node_modules", "@tightbeam", "core");
      const loaded = new Set<string>();
      const load = (file: string): void => {
        if (loaded.has(file)) return;
        loaded.add(file);
        for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^;]*?"(\.[^"]+)";$/gm)) load(join(file, "..", path));
      };
      load(join(core, "dist", "node", "index.js"));
      expect(loaded.size).toBeGreaterThan(5);
      expect(loaded.size).toBeLessThan(100);
      for (const file of loaded)
        for (const source of (JSON.parse(readFileSync(`${file}.map`, "utf8")) as { sources: string[] }).sources) {
          expect(source).not.toContain("node_modules");
          expect(existsSync(join(file, "..", source)), source).toBe(true);
        }
    });
  });

  describe("OpenTelemetry, an optional peer", () => {
    const run = async (name: string, code: string): Promise<string[]> => {
      writeFileSync(join(place, name), code);
      const { stdout } = await exec(process.execPath, [join(place, name)], { cwd: place, env: quiet, timeout: 30_000 });
      return stdout.trim().split("\n");
    };
    const call = `
      import { createAgent, createAuthority } from "@tightbeam/core";
      import { connectMemory, createHub } from "@tightbeam/memory";
      const [authority, hub] = [await createAuthority({ issuer: "https://auth.example" }), createHub()];
      const join = async (id) => createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub) });
      const [alice, bob] = [await join("alice"), await join("bob")];
      alice.handle("greet", (name) => "hello " + name);
      console.log(await bob.request("alice", "greet", "bob"));
      await Promise.all([alice.close(), bob.close()]);
      console.log(await import("@tightbeam/core/opentelemetry").then(() => "is there", ({ code }) => code));`;

    it("is not installed with core, which works without it", async () => {
      expect(existsSync(join(place, "node_modules", "@opentelemetry"))).toBe(false);
      expect(await run("without.mjs", call)).toEqual(["hello bob", "ERR_MODULE_NOT_FOUND"]);
    });

    it("opens its part of core once it is installed", async () => {
      // Its files as they are here: it depends on nothing, and no registry is asked.
      const api = join("node_modules", "@opentelemetry", "api");
      cpSync(realpathSync(join(root, "packages", "core", api)), join(place, api), { recursive: true });
      expect(await run("with.mjs", call)).toEqual(["hello bob", "is there"]);
      const traceId = "0af7651916cd43dd8448eb211c80319c";
      const passesOn = `
        import { openTelemetry } from "@tightbeam/core/opentelemetry";
        const start = { type: "request", name: "greet", id: "1", agent: "alice", peer: { id: "bob" }, bytes: 1, durable: false };
        const span = openTelemetry().receiving(start, { traceId: "${traceId}", spanId: "b7ad6b7169203331", sampled: true });
        console.log(span.context.traceId);`;
      expect(await run("passes-on.mjs", passesOn)).toEqual([traceId]);
    });
  });

  it("runs the command line in an empty project", async () => {
    const npx = (...args: string[]) => exec("npx", ["--no-install", "tightbeam", ...args], { cwd: place, env: quiet, timeout: 60_000 });
    expect((await npx("--help")).stdout).toMatch(/^Usage: tightbeam <command>[\s\S]*keygen[\s\S]*relay[\s\S]*request/);
    expect((await npx("--version")).stdout.trim()).toBe(
      (JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8")) as { version: string }).version,
    );
    const { stdout } = await npx("keygen", "--out", "bob.key", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ file: "bob.key", alg: "EdDSA" });
    await expect(npx("request", "--token=hunter2")).rejects.toMatchObject({ code: 2, stdout: "", stderr: expect.not.stringContaining("hunter2") });
  });

  it("does what the page of the command line begins with", { timeout: 90_000 }, async () => {
    const [, script = ""] = /```sh\n([\s\S]*?)```/.exec(readFileSync(join(root, "packages/cli/README.md"), "utf8")) ?? [];
    const port = 16_000 + Math.floor(Math.random() * 12_000);
    const staying = /^(?<command>tightbeam .*?) +# leave it running.*$/gm;
    const lines = script
      .replaceAll("8787", String(port))
      .replaceAll("npx tightbeam", "tightbeam")
      .replace("tightbeam relay", `tightbeam relay --port ${port}`)
      .replaceAll(staying, "$<command> > staying.log & for i in $(seq 300); do [ -s staying.log ] && break; sleep 0.1; done; rm staying.log");
    const folder = join(place, "terminal");
    mkdirSync(folder);
    const env = { ...quiet, PATH: `${join(place, "node_modules", ".bin")}:${process.env.PATH}` };
    const { stdout } = await exec("bash", ["-c", `trap 'kill $(jobs -p)' EXIT\n${lines}`], { cwd: folder, env, timeout: 60_000 });
    expect(stdout).toContain('{\n  "text": "hello"\n}');
    expect(stdout).toMatch(/round trip/i);
  });

  it("makes a project that runs, passes its tests and type-checks: npx tightbeam init", { timeout: 180_000 }, async () => {
    const { stdout: made } = await exec("npx", ["--no-install", "tightbeam", "init", "agents", "--no-install", "--json"], { cwd: place, env: quiet });
    const folder = join(place, "agents");
    expect((JSON.parse(made) as { folder: string }).folder).toBe(realpathSync(folder));
    // What npm would fetch: our packages are not published, the others are in this workspace.
    mkdirSync(join(folder, "node_modules"));
    for (const name of ["tsx", "typescript", "@types"]) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    const port = 16_000 + Math.floor(Math.random() * 12_000);
    const env = { ...quiet, PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH}`, TIGHTBEAM_URL: `ws://127.0.0.1:${port}` };
    const npm = async (...args: string[]) => (await exec("npm", args, { cwd: folder, env, timeout: 60_000 })).stdout;
    expect(await npm("start")).toMatch(/librarian: ready\nreader: found On Links \(2 p\.\), On Keys \(2 p\.\)\nreader: read: A link outlives/);
    expect(await npm("test")).toMatch(/# pass 3\n# fail 0/);
    await npm("run", "typecheck");
  });

  const mustRun = async (page: string, change = (code: string): string => code): Promise<void> => {
    const code = firstExample(readFileSync(join(root, page), "utf8"));
    if (code === undefined) throw new Error(`${page} has no TypeScript example`);
    const file = join(place, `${page.replaceAll(/\W/g, "-")}.mjs`);
    writeFileSync(file, transformSync(change(code), { loader: "ts", format: "esm", target: "es2023" }).code);
    const { stdout } = await exec(process.execPath, [file], { cwd: place, env: quiet, timeout: 30_000 });
    expect(promisedOutput(code).length, `${page} says what its example prints (// prints: ...)`).toBeGreaterThan(0);
    expect(stdout.trim().split("\n")).toEqual(promisedOutput(code));
  };

  it("type-checks the first example of each page against the published types", async () => {
    const files = pages.map((page) => {
      const file = `${page.replaceAll(/\W/g, "-")}.ts`;
      writeFileSync(join(place, file), firstExample(readFileSync(join(root, page), "utf8")) ?? "");
      return file;
    });
    const flags = ["--noEmit", "--strict", "--target", "es2023", "--lib", "es2023,dom", "--module", "nodenext", "--types", "", "--skipLibCheck"];
    const result = await exec(join(root, "node_modules", ".bin", "tsc"), [...flags, "--moduleDetection", "force", ...files], { cwd: place, env: quiet }).catch(
      (error: { stdout: string }) => error,
    );
    expect(result.stdout).toBe("");
  });

  it("compiles in a program for Node alone, without the types of browsers and with its own checked, for both ways to resolve modules", async () => {
    const entries = [...packed.keys()].flatMap((name) => {
      const { exports } = JSON.parse(readFileSync(join(place, "node_modules", "@tightbeam", name, "package.json"), "utf8")) as { exports: object };
      return Object.keys(exports).map((entry) => `@tightbeam/${name}${entry.slice(1)}`);
    });
    // Those that need an optional peer.
    const peers = new Set(["@tightbeam/conformance", "@tightbeam/core/opentelemetry"]);
    const lines = entries.filter((entry) => !entry.endsWith(".json") && !peers.has(entry)).map((entry, i) => `export * as e${i} from "${entry}";`);
    expect(lines.length).toBeGreaterThan(18);
    // What a program infers of these is written into its own declarations: by names that it could import.
    lines.push(
      `import type { Agent, AgentOptions, AgentStatus } from "@tightbeam/core";`,
      `import type { Relay, RelayOptions } from "@tightbeam/websocket/relay";`,
      "export const members = (a: Agent, b: AgentOptions, c: AgentStatus, d: Relay, e: RelayOptions) => [{ ...a }, { ...b }, { ...c }, { ...d }, { ...e }];",
    );
    writeFileSync(join(place, "entries.ts"), lines.join("\n"));
    const types = join(place, "node_modules", "@types");
    mkdirSync(types, { recursive: true });
    if (!existsSync(join(types, "node"))) symlinkSync(realpathSync(join(root, "node_modules", "@types", "node")), join(types, "node"));
    const strict = ["--noEmit", "--declaration", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--verbatimModuleSyntax"];
    for (const resolution of [
      ["--module", "node16"],
      ["--module", "esnext", "--moduleResolution", "bundler"],
    ]) {
      const flags = [...strict, "--target", "es2023", "--lib", "es2023", "--types", "node", ...resolution];
      const result = await exec(join(root, "node_modules", ".bin", "tsc"), [...flags, "entries.ts"], { cwd: place, env: quiet }).catch(
        (error: { stdout: string }) => error,
      );
      expect(result.stdout).toBe("");
    }
  });
});
