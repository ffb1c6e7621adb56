// One process of the project: `npm start` starts all three, `npm run librarian` and the others one each.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isTightbeamError } from "@tightbeam/core";
import { serveLibrary } from "./librarian.js";
import { join, startNetwork } from "./network.js";
import { readSomething } from "./reader.js";

const programs: Record<string, () => Promise<void>> = {
  async network() {
    console.log(`network: ${await startNetwork()}`);
    await asked();
  },
  async librarian() {
    const agent = await join("librarian");
    serveLibrary(agent);
    console.log("librarian: ready");
    await asked();
    await agent.close({ drain: 1_000 });
  },
  async reader() {
    const agent = await join("reader");
    await readSomething(agent, (line) => console.log(`reader: ${line}`));
    await agent.close();
  },
  async all() {
    const network = await started("network", "network:");
    const librarian = await started("librarian", "ready");
    const reader = await started("reader");
    for (const child of [librarian, network]) child.kill("SIGTERM");
    process.exitCode = reader.exitCode ?? 1;
  },
};

/** Resolves when somebody asks this process to end. */
const asked = (): Promise<void> => new Promise((resolve) => void process.once("SIGTERM", resolve).once("SIGINT", resolve));

/** A process of its own. Resolves when it has said `word`, or without one when it has ended. */
function started(name: string, word?: string) {
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), name], { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise<typeof child>((resolve, reject) => {
    child.stdout.on("data", (text: Buffer) => {
      process.stdout.write(text);
      if (word !== undefined && text.includes(word)) resolve(child);
    });
    child.once("close", (code) => (word === undefined ? resolve(child) : reject(new Error(`${name} ended with ${code}.`))));
  });
}

const name = process.argv[2] ?? "all";
try {
  await (programs[name] ?? (() => Promise.reject(new Error(`There is no '${name}': ${Object.keys(programs).join(", ")}.`))))();
  process.exit();
} catch (error) {
  console.error(isTightbeamError(error) ? `${name}: ${error.code}: ${error.message}` : error);
  process.exit(1);
}
