import type { Command } from "commander";
import { CommandError } from "../command-error.js";
import { exitCodes } from "../exit-codes.js";
import type { Frame, Invocation } from "../invocation.js";
import { whole } from "../numbers.js";
import { type AgentSettingsOptions, agentOptions, storeOptions } from "../settings.js";
import type { KeptOptions } from "../trace/kept.js";

interface WatchOptions extends AgentSettingsOptions {
  readonly failed?: boolean;
  readonly count?: number;
}

interface FilterOptions extends KeptOptions {
  readonly agent?: string;
  readonly method?: string;
  readonly failed?: boolean;
  readonly limit: number;
}

export function define(command: Command, { action }: Frame): void {
  command.description("Calls as they happen at agents that let us look, and what a trace store (createTraceStore) has kept. Nothing of a payload is shown.");
  agentOptions(
    command
      .command("watch")
      .description("Prints messages as they come to an end at these agents (serveInspection), until ctrl-c.")
      .argument("<agents...>")
      .option("--failed", "only those that failed")
      .option("--count <number>", "end after so many", whole(1, 1_000_000_000)),
  ).action(action(watch));
  const kept = (name: string, text: string): Command =>
    storeOptions(command.command(name).description(text)).option("--profile <name|file>", "a profile of tightbeam.json, of ~/.config/tightbeam, or a file");
  const filtered = (made: Command): Command =>
    made.option("--agent <id>", "only with this agent").option("--method <name>", "only of this method").option("--failed", "only those that failed");
  filtered(kept("list", "Lists traces that a store has kept, the newest first."))
    .option("--limit <number>", "so many", whole(1, 1_000), 50)
    .action(action(list));
  kept("show", "Shows one trace as a tree of calls with their stages.").argument("<id>", "of a trace, or of one of its messages").action(action(show));
  filtered(kept("stats", "Says how many calls there are, how many failed, and how long they took.")).action(action(stats));
  command.addHelpText(
    "after",
    "\nExamples:\n  tightbeam trace watch alice bob --failed\n  tightbeam trace show 4bf92f3577b34da6a3ce929d0e0e4736 --store ./traces --store-key-file traces.key",
  );
}

async function watch(invocation: Invocation, options: WatchOptions, ...agents: readonly (string | undefined)[]): Promise<void> {
  const { output } = invocation;
  const [{ liveCalls }, { liveLine }, { warned }] = await Promise.all([import("../trace/live.js"), import("../trace/words.js"), import("../reach.js")]);
  const peers = agents.flat().filter((each): each is string => each !== undefined);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  const calls = liveCalls(invocation, options, peers, warned(invocation));
  for await (const call of calls) {
    if (options.failed === true && call.message.code === undefined) continue;
    await output.item({ agent: call.agent, ...call.message }, liveLine(call));
    if (--left === 0) return;
  }
}

const filterOf = ({ agent, method, failed }: FilterOptions) => ({
  ...(agent === undefined ? {} : { agent }),
  ...(method === undefined ? {} : { route: { method } }),
  ...(failed === true ? { failed } : {}),
});

async function list(invocation: Invocation, options: FilterOptions): Promise<void> {
  const { output } = invocation;
  const [{ openKept }, { summaryLine }] = await Promise.all([import("../trace/kept.js"), import("../trace/words.js")]);
  const traces = await (await openKept(invocation, options)).list({ ...filterOf(options), limit: options.limit });
  for (const trace of traces) await output.item(trace, summaryLine(trace));
  if (traces.length === 0) output.note("No traces.");
}

async function show(invocation: Invocation, options: KeptOptions, id = ""): Promise<void> {
  const [{ openKept }, { treeOf }] = await Promise.all([import("../trace/kept.js"), import("../trace/words.js")]);
  const traces = await openKept(invocation, options);
  const trace = (await traces.get(id)) ?? (await traces.byMessage(id));
  if (trace === undefined)
    throw new CommandError("not_found", exitCodes.failed, "There is no such trace in this store.", "`tightbeam trace list` shows those there are.");
  await invocation.output.result(trace, treeOf(trace));
}

async function stats(invocation: Invocation, options: FilterOptions): Promise<void> {
  const { openKept } = await import("../trace/kept.js");
  const found = await (await openKept(invocation, options)).statistics(filterOf(options));
  const { total, active, failed, durations, byStatus } = found;
  const ms = (value: number | undefined): string => (value === undefined ? "-" : `${Number(value.toPrecision(3))} ms`);
  const row = (name: string, count: number, { mean, p50, p95, p99 }: typeof durations): string =>
    `  ${name.padEnd(14)} ${String(count).padStart(7)}   mean ${ms(mean)}, p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}`;
  await invocation.output.result(found, [
    `${total} calls: ${active} active, ${failed} failed`,
    row("all", total, durations),
    ...Object.entries(byStatus).map(([status, { count, ...rest }]) => row(status, count, rest)),
  ]);
}
