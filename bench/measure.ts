import { randomBytes } from "node:crypto";
import { type System, startProcess, system } from "./processes.js";
import type { Row, Systems } from "./rows.js";

export interface Measured {
  readonly row: Row;
  /** Operations per second and µs of CPU per operation: medians over the rounds. */
  readonly figures: Partial<Record<keyof Systems, { readonly rate: number; readonly cost: number }>>;
  /** Ours against each: medians of the ratios within the rounds. */
  readonly ratios: Partial<Record<keyof Systems, { readonly rate: number; readonly cost: number; readonly spread: readonly [number, number] }>>;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

/** Only what the rows need. */
export async function startSystems(wanted: ReadonlySet<keyof Systems>): Promise<Partial<Systems>> {
  process.env.BENCH_SECRET = randomBytes(32).toString("base64url");
  const made: { -readonly [name in keyof Systems]?: Systems[name] } = {};
  const raw = await startProcess("server", "raw", "serve", "echo");
  if (wanted.has("raw")) made.raw = system("ws", await startProcess("client", "raw", "connect", raw.at), raw);
  if (wanted.has("tls")) {
    const server = await startProcess("server", "raw", "serve", "tls");
    made.tls = system("ws over TLS", await startProcess("client", "raw", "connect", server.at), server);
  }
  if (wanted.has("forwarded")) {
    const forwarder = await startProcess("middle", "raw", "serve", "forward", raw.at);
    made.forwarded = system("ws through a forwarder", await startProcess("client", "raw", "connect", forwarder.at), forwarder, raw);
  }
  for (const name of ["monitored", "listened", "traced", "kept"] as const) {
    if (!wanted.has(name)) continue;
    const server = await startProcess("server", "agents", "serve", name);
    made[name] = system(`Tightbeam, ${name}`, await startProcess("client", "agents", "connect", server.at), server);
  }
  if (wanted.has("durable")) {
    const server = await startProcess("server", "agents", "serve", "durable");
    made.durable = system("Tightbeam, durable", await startProcess("client", "agents", "connect", server.at), server);
  }
  if (wanted.has("plain") || wanted.has("direct") || wanted.has("policy")) {
    const server = await startProcess("server", "agents", "serve", "direct");
    const whole = system("Tightbeam, direct", await startProcess("client", "agents", "connect", server.at), server);
    const direct: System = { ...whole, run: (load) => whole.run(load.kind === "policy" ? { ...load, kind: "echo" } : load) };
    made.direct = direct;
    made.policy = { name: "Tightbeam, direct, with a policy", run: (load) => whole.run(load.kind === "echo" ? { ...load, kind: "policy" } : load) };
    made.plain = { ...direct, name: "Tightbeam, direct, not durable" };
    made.untyped = { name: "Tightbeam, direct, without schemas", run: (load) => direct.run(load.kind === "json" ? { ...load, kind: "untyped" } : load) };
  }
  if (wanted.has("relayed")) {
    const relay = await startProcess("middle", "agents", "serve", "relay");
    const server = await startProcess("server", "agents", "serve", "agent", relay.at);
    made.relayed = system("Tightbeam, through a relay", await startProcess("client", "agents", "connect", relay.at), relay, server);
  }
  if (wanted.has("through")) {
    const gate = await startProcess("middle", "agents", "serve", "gate");
    const server = await startProcess("server", "agents", "serve", "agent", gate.at);
    made.through = system("Tightbeam, through an agent", await startProcess("client", "agents", "connect", gate.at), gate, server);
  }
  if (wanted.has("nats")) {
    const broker = await startProcess("middle", "nats", "serve", "server");
    const server = await startProcess("server", "agents", "serve", "agent", broker.at);
    made.nats = system("Tightbeam, over NATS", await startProcess("client", "agents", "connect", broker.at), broker, server);
  }
  if (wanted.has("rawNats")) {
    const broker = await startProcess("middle", "nats", "serve", "server");
    const server = await startProcess("server", "nats", "serve", "echo", broker.at);
    made.rawNats = system("raw NATS", await startProcess("client", "nats", "connect", broker.at), broker, server);
  }
  if (wanted.has("mcp")) {
    const server = await startProcess("server", "mcp", "serve", "echo");
    made.mcp = system("MCP over streamable HTTP", await startProcess("client", "mcp", "connect", server.at), server);
  }
  if (wanted.has("a2a")) {
    const server = await startProcess("server", "a2a", "serve", "echo");
    made.a2a = system("A2A JSON-RPC", await startProcess("client", "a2a", "connect", server.at), server);
  }
  return made;
}

/** The engine compiles what has run thousands of times, and several times over: on fewer calls than this every figure is of the interpreter. */
const compileMs = 2_000;
/** One at a time there are only a thousand calls a second at first: through a relay, on two busy cores, 1,400 µs each, and 420 after 5,000 of them. A forwarder of raw `ws` is as fast at once as later. */
const compileOneByOneMs = 4_000;
/** Before the rounds of a row. */
const warmUpMs = 300;
/** Of large messages there are hundreds a second, not tens of thousands: for a second a request of 1 MiB costs twice what it costs from then on, in compiling and in collections of a heap that still grows. */
const largeWarmUpMs = 1_500;
const largeBytes = 64 * 1024;

/** On small messages, many in flight and one at a time: some of the code is only reached one way. */
export async function warmUp(systems: Partial<Systems>): Promise<void> {
  for (const [name, system] of Object.entries(systems)) {
    if (name === "untyped" || name === "plain") continue;
    await system.run({ kind: "echo", bytes: 256, inFlight: 64, ms: compileMs });
    await system.run({ kind: "echo", bytes: 256, inFlight: 1, ms: compileOneByOneMs });
  }
}

/** Rounds of every system of the row in turn, the order reversed every other round. */
export async function measureRow(row: Row, systems: Partial<Systems>, rounds: number, ms: number): Promise<Measured> {
  const names = [row.ours, ...row.against];
  const runs = new Map(names.map((name) => [name, { rates: [] as number[], costs: [] as number[] }]));
  const { kind, bytes } = row.load;
  // Nothing else of this run has gone through the code of durable messages.
  const before = kind === "durable" ? compileMs : bytes < largeBytes ? warmUpMs : largeWarmUpMs;
  for (const name of names) await systems[name]?.run({ ...row.load, ms: before });
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { rate, cost } = (await systems[name]?.run({ ...row.load, ms })) ?? { rate: Number.NaN, cost: Number.NaN };
      runs.get(name)?.rates.push(rate);
      runs.get(name)?.costs.push(cost);
    }
  }
  const figures: Measured["figures"] = Object.fromEntries([...runs].map(([name, { rates, costs }]) => [name, { rate: median(rates), cost: median(costs) }]));
  const ours = runs.get(row.ours);
  const ratios: Measured["ratios"] = Object.fromEntries(
    row.against.map((name) => {
      const theirs = runs.get(name);
      const rates = (ours?.rates ?? []).map((rate, round) => rate / (theirs?.rates[round] ?? Number.NaN));
      const costs = (ours?.costs ?? []).map((cost, round) => (theirs?.costs[round] ?? Number.NaN) / cost);
      return [name, { rate: median(rates), cost: median(costs), spread: [Math.min(...rates), Math.max(...rates)] }];
    }),
  );
  return { row, figures, ratios };
}
