/** Entry of every measured process: `dist/child.js <side> serve <name> <argument>` or `dist/child.js <side> connect <argument>`. */
import type { Load, Side } from "./sides/side.js";

const [name = "", task = "", ...rest] = process.argv.slice(2);
const sides: Record<string, () => Promise<{ readonly side: Side }>> = {
  nats: () => import("./sides/nats.js"),
  raw: () => import("./sides/raw.js"),
  agents: () => import("./sides/agents.js"),
  mcp: () => import("./sides/mcp.js"),
  a2a: () => import("./sides/a2a.js"),
};

/** µs of CPU since the start of this process: unlike rates it hardly changes when the machine is busy with something else. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system + besides();
};
let besides = (): number => 0;
const say = (message: object): void => void process.send?.({ ...message, cpu: cpu() });
const fail = (error: unknown): void => say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });

async function start(): Promise<void> {
  const { side } = (await sides[name]?.()) ?? { side: undefined };
  if (side === undefined) throw new Error(`There is no side '${name}'.`);
  if (side.besides !== undefined) besides = side.besides;
  if (task === "serve") {
    const serve = side.servers[rest[0] ?? ""];
    if (serve === undefined) throw new Error(`The side '${name}' has no server '${rest[0]}'.`);
    process.on("message", () => say({}));
    return say({ ready: await serve(rest[1] ?? "") });
  }
  const client = await side.connect(rest[0] ?? "");
  process.on("message", (load: Load | "cpu") => {
    if (load === "cpu") say({});
    else client(load).then((rate) => say({ rate }), fail);
  });
  say({ ready: "" });
}

process.on("disconnect", () => process.exit());
start().catch(fail);
