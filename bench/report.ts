import { createRequire } from "node:module";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import type { LinkFigures } from "./footprint.js";
import type { Measured } from "./measure.js";
import { pinned } from "./processes.js";
import type { Systems } from "./rows.js";

export interface Report {
  readonly rounds: number;
  readonly ms: number;
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly measured: readonly Measured[];
  readonly hybrid: LinkFigures | undefined;
  /** The hybrid with ML-KEM in JavaScript. */
  readonly script: LinkFigures | undefined;
  readonly classical: LinkFigures | undefined;
  readonly importMs: number | undefined;
  readonly sizeBytes: number | undefined;
}

export interface Judged {
  readonly bar: string;
  readonly target: string;
  readonly figure: string;
  readonly passed: boolean;
}

const names: Record<keyof Systems, string> = {
  direct: "direct",
  relayed: "through a relay",
  through: "through an agent",
  untyped: "direct, no schema",
  durable: "direct, LMDB",
  plain: "direct, not durable",
  policy: "direct, with a policy",
  monitored: "direct, with a monitor",
  listened: "direct, listened to",
  traced: "direct, with a tracer",
  kept: "direct, with a trace store",
  raw: "raw ws",
  tls: "ws over TLS",
  forwarded: "ws through a forwarder",
  mcp: "MCP",
  a2a: "A2A",
  nats: "over NATS",
  rawNats: "raw NATS",
};

const whole = (value: number): string => Math.round(value).toLocaleString("en");
const ratio = (value: number): string => (value >= 10 ? value.toFixed(1) : value.toFixed(2));

export function judge({ measured, hybrid, importMs, sizeBytes }: Report): readonly Judged[] {
  const judged: Judged[] = [];
  const floor = (bar: string, value: number, least: number, unit: string, show = ratio): void => {
    judged.push({ bar, target: `at least ${least}${unit}`, figure: show(value) + unit, passed: value >= least });
  };
  const ceiling = (bar: string, value: number, most: number, unit: string): void => {
    judged.push({ bar, target: `at most ${most}${unit}`, figure: value.toFixed(1) + unit, passed: value <= most });
  };
  for (const { row, ratios } of measured) {
    for (const { against, least } of row.bars) floor(`${row.name}, against ${names[against]}`, ratios[against]?.rate ?? Number.NaN, least, " x");
  }
  if (hybrid !== undefined) floor("handshakes with tokens, hybrid, both sides in one process, one at a time", hybrid.alone, 250, " /s", whole);
  if (hybrid?.idleBytes !== undefined) ceiling("heap and buffers of an idle link, one side", hybrid.idleBytes / 1_000, 20, " KB");
  if (importMs !== undefined) ceiling("import of core, CPU", importMs, 100, " ms");
  if (sizeBytes !== undefined) ceiling("core, minified and gzipped, without the hybrid", sizeBytes / 1_000, 60, " KB");
  return judged;
}

const table = (head: readonly string[], lines: readonly (readonly string[])[]): string => {
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => (line[column] ?? "").length)));
  const show = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  return [
    show(head),
    `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`,
    ...lines.map(show),
  ].join("\n");
};

const versionOf = (name: string): string => {
  const require = createRequire(import.meta.url);
  for (let path = require.resolve.paths(name)?.values(), next = path?.next(); next && !next.done; next = path?.next()) {
    try {
      return (require(`${next.value}/${name}/package.json`) as { version: string }).version;
    } catch {
      // Not in this folder.
    }
  }
  return "missing";
};

export const masking = (): string => {
  if (process.env.WS_NO_BUFFER_UTIL) return "off everywhere (WS_NO_BUFFER_UTIL)";
  const require = createRequire(createRequire(import.meta.url).resolve("ws"));
  try {
    require("bufferutil");
    return `on everywhere (${versionOf("bufferutil")})`;
  } catch {
    return "off everywhere (not installed)";
  }
};

export const machine = (): string =>
  `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()} ${arch()}`;

/** Markdown that reads well in a terminal. */
export function render(report: Report): string {
  const parts: string[] = [];
  const versions = ["ws", "@nats-io/transport-node", "zod", "@modelcontextprotocol/sdk", "@a2a-js/sdk"].map((name) => `${name} ${versionOf(name)}`).join(", ");
  parts.push(
    [
      `- machine: ${machine()}`,
      `- Node ${process.versions.node}, ${versions}`,
      `- bufferutil: ${masking()}`,
      `- processes: ${pinned ? "the two sides pinned to a core each (taskset), a relay, forwarder or nats-server to a third or to the client's" : "placed by the scheduler: where it puts both sides on one core, `ws` alone is twice as fast one at a time as on two (see --pin)"}`,
      `- ${report.rounds} rounds of ${report.ms} ms, interleaved; medians; a ratio is the median of the ratios within each round, the span their smallest and largest`,
      `- load of the machine (1 min) before ${report.loadBefore.toFixed(2)}, after ${report.loadAfter.toFixed(2)}; the benchmark itself makes 2 to 3`,
    ].join("\n"),
  );
  const judged = judge(report);
  if (judged.length > 0) {
    const lines = judged.map(({ bar, target, figure, passed }) => [bar, target, figure, passed ? "pass" : "FAIL"]);
    parts.push(`## Bars\n\n${table(["bar", "target", "measured", ""], lines)}`);
  }
  if (report.measured.length > 0) {
    const lines = report.measured.flatMap(({ row, figures, ratios }) => [
      [row.name, names[row.ours], whole(figures[row.ours]?.rate ?? 0), (figures[row.ours]?.cost ?? 0).toFixed(1), "", "", ""],
      ...row.against.map((name) => {
        const against = ratios[name];
        const spread = against === undefined ? "" : `${ratio(against.spread[0])} to ${ratio(against.spread[1])}`;
        const figure = figures[name];
        return ["", names[name], whole(figure?.rate ?? 0), (figure?.cost ?? 0).toFixed(1), ratio(against?.rate ?? 0), spread, ratio(against?.cost ?? 0)];
      }),
    ]);
    parts.push(
      `## Rates\n\nCPU is of all processes of that side together; its ratio changes little when the machine is busy with something else.\n\n${table(
        ["what", "system", "per second", "µs CPU each", "ratio", "span", "ratio in CPU"],
        lines,
      )}`,
    );
  }
  const alone: string[][] = [];
  const links = [
    [`hybrid (default), ML-KEM: ${report.hybrid?.kem}`, report.hybrid],
    ["hybrid, ML-KEM: noble, in JavaScript", report.script],
    ["classical", report.classical],
  ] as const;
  for (const [name, figures] of links) {
    if (figures === undefined) continue;
    alone.push([`handshakes with tokens, ${name}, one at a time`, `${whole(figures.alone)} /s`]);
    alone.push([`handshakes with tokens, ${name}, 16 at a time`, `${whole(figures.together)} /s`]);
    if (figures.idleBytes !== undefined)
      alone.push([`idle link, ${name}: heap and buffers, one side (memory transport: no sockets)`, `${whole(figures.idleBytes)} B`]);
  }
  if (report.importMs !== undefined) alone.push(["importing core, CPU, median of 10 fresh processes", `${report.importMs.toFixed(1)} ms`]);
  if (report.sizeBytes !== undefined) alone.push(["core bundled (minified, gzipped, hybrid apart)", `${whole(report.sizeBytes)} B`]);
  if (alone.length > 0) parts.push(`## Alone\n\n${table(["what", "figure"], alone)}`);
  return parts.join("\n\n");
}

export const load = (): number => loadavg()[0] ?? 0;
