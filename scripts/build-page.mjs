// The inspector's page: src/page of packages/inspector bundled into its dist/page, with everything it needs and from the installed packages only.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const inspector = join(root, "packages", "inspector");
const source = join(inspector, "src", "page");
const page = join(inspector, "dist", "page");

/** Writes `dist/page` anew. Reads sources, so that nothing else has to be built before. Rejects with what esbuild says. */
export async function buildPage(target = page, put = instead) {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(source, "main.tsx"), join(source, "main.css")],
    outdir: target,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome110", "firefox110", "safari16"],
    conditions: ["@tightbeam/source"],
    jsx: "automatic",
    jsxImportSource: "preact",
    define: { "process.env.NODE_ENV": '"production"' },
    legalComments: "none",
    absWorkingDir: root,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  // Beside it first: who reads it meanwhile, as another test does, finds a whole one.
  const made = `${target.replace(/[\\/]$/, "")}.${process.pid}`;
  mkdirSync(made, { recursive: true });
  for (const { path, contents } of outputFiles) writeFileSync(join(made, basename(path)), contents);
  writeFileSync(join(made, "index.html"), readFileSync(join(source, "index.html")));
  writeFileSync(join(made, "LICENSES.txt"), licences(Object.keys(metafile.inputs)));
  put(made, target);
}

/** In the place of an older one. */
function instead(made, target) {
  rmSync(target, { recursive: true, force: true });
  renameSync(made, target);
}

/** Unless somebody was faster. */
function first(made, target) {
  try {
    renameSync(made, target);
  } catch {
    if (isBuilt()) rmSync(made, { recursive: true, force: true });
    else instead(made, target);
  }
}

/** What is bundled keeps its licence beside it. */
function licences(inputs) {
  const folders = new Set(inputs.map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]).filter(Boolean));
  return [...folders]
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
      const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
      return { name, text: `${name} ${version} (${license})\n\n${file === undefined ? "" : readFileSync(join(root, folder, file), "utf8").trim()}\n` };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ text }) => text)
    .join(`\n${"-".repeat(80)}\n\n`);
}

const isBuilt = () => existsSync(join(page, "index.html"));

/** For tests that open it in a checkout where nothing has been built: several at once, and none takes away what another reads. */
export async function ensurePage() {
  if (!isBuilt()) await buildPage(page, first);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await buildPage();
