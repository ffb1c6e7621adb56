export type ProjectTransport = "websocket" | "nats";

/** What a new project's package.json says. Every Tightbeam package is of the version that made it. */
export function packageJson(name: string, transport: ProjectTransport, version: string): string {
  const own = (names: readonly string[]) => Object.fromEntries(names.map((each) => [`@tightbeam/${each}`, `^${version}`]));
  const run = (program: string) => `tsx src/main.ts ${program}`;
  return `${JSON.stringify(
    {
      name,
      version: "0.1.0",
      private: true,
      type: "module",
      engines: { node: ">=20.19" },
      scripts: {
        start: run("all"),
        network: run("network"),
        librarian: run("librarian"),
        reader: run("reader"),
        test: "node --import tsx --test test/*.test.ts",
        typecheck: "tsc",
      },
      dependencies: { ...own(["core", transport]), zod: "^4.0.0" },
      devDependencies: { ...own(["cli", "memory"]), "@types/node": "^20.19.0", tsx: "^4.20.0", typescript: ">=5.9" },
    },
    undefined,
    2,
  )}\n`;
}
