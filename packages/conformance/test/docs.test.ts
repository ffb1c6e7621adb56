import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "docs/writing-a-transport.md"), "utf8");

/** The code block of the page that begins with the comment `// <name>`. */
function block(name: string): string {
  const start = page.indexOf(`\`\`\`ts\n// ${name}\n`);
  const end = page.indexOf("\n```\n", start);
  if (start === -1 || end === -1) throw new Error(`docs/writing-a-transport.md has no block "// ${name}".`);
  return page.slice(start + "```ts\n".length, end + 1);
}

// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
writeFileSync(join(folder, "tabs.ts"), block("tabs.ts"));
writeFileSync(join(folder, "suite.ts"), block("tabs.test.ts"));
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../../../tsconfig.check.json", include: ["*.ts"], exclude: [] }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the worked example of docs/writing-a-transport.md", async () => {
  await import(join(folder, "suite.ts"));

  it("passes the type check", async () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, "-p", join(folder, "tsconfig.json")], { cwd: root });
    expect(stdout).toBe("");
  });

  it("is short, and shows the page's interface", () => {
    expect(block("tabs.ts").split("\n").length).toBeLessThan(80);
    for (const clause of Array.from({ length: 12 }, (_, i) => `**T${i + 1} `)) expect(page).toContain(clause);
  });
});
