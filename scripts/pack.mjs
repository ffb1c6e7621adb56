// `node scripts/pack.mjs <folder>`: what `npm publish` would send, one archive a package, and `packed.json` with what npm says of them.
// One npm for all of them: each start of it costs as much as packing a package.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readArguments, refuse } from "./arguments.mjs";
import { root, run } from "./stages.mjs";

const usage = "Usage: node scripts/pack.mjs [folder]\n\nPacks every package as `npm publish` would, into .tmp/packed or that folder, which is emptied first.";
const { positionals } = readArguments(usage, { allowPositionals: true });
if (positionals.length > 1) refuse(usage, `Unexpected argument '${positionals[1]}'`);
const folder = resolve(positionals[0] ?? join(".tmp", "packed"));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const packages = readdirSync(join(root, "packages"))
  .filter((name) => existsSync(join(root, "packages", name, "package.json")))
  .map((name) => `./packages/${name}`);
const { ok, output } = await run("npm", ["pack", "--json", "--pack-destination", folder, ...packages]);
if (ok) writeFileSync(join(folder, "packed.json"), output.slice(output.indexOf("[\n")));
else process.stderr.write(output);
process.exitCode = ok ? 0 : 1;
