import type { Command } from "commander";
import type { Load, Measured } from "../bench/measure.js";
import type { Frame, Invocation } from "../invocation.js";
import { timeOption, whole } from "../numbers.js";
import { type AgentSettingsOptions, agentOptions } from "../settings.js";

interface BenchOptions extends AgentSettingsOptions {
  readonly method: string;
  readonly bytes: number;
  readonly time: number;
}

export function define(command: Command, { action }: Frame): void {
  agentOptions(
    command
      .argument("[peer]", "an agent that echoes, as `tightbeam listen` does; without one, two agents and a relay in this process")
      .option("--method <name>", "what it answers", "echo")
      .option("--bytes <number>", "of each message", whole(0, 16 * 1024 * 1024), 256)
      .addOption(timeOption("--time <time>", "for each measurement", "2s")),
  )
    .description(
      "Measures requests one at a time and 64 at once, and notifications. Figures of one process on a machine that does other things, too: compare them with each other.",
    )
    .addHelpText("after", "\nExamples:\n  tightbeam bench\n  tightbeam bench alice --bytes 16384")
    .action(action(bench));
}

async function bench(invocation: Invocation, options: BenchOptions, peer?: string): Promise<void> {
  const { output, runtime, signal } = invocation;
  const { measureRequests, measureNotifications } = await import("../bench/measure.js");
  const { agent, to } = await parties(invocation, options, peer);
  const load: Load = { agent, clock: runtime.clock, peer: to, method: options.method, bytes: options.bytes, ms: options.time, signal };
  // The first second of a process says how it starts.
  await measureRequests({ ...load, ms: Math.min(1_000, options.time) }, 16);
  const rows = [() => measureRequests(load, 1), () => measureRequests(load, 64), () => measureNotifications(load)];
  const progress = output.progress("measured", rows.length);
  for (const [index, measure] of rows.entries()) {
    if (signal.aborted) break;
    progress.update(index);
    const row = await measure();
    progress.end();
    await output.item(row, spokenRow(row));
  }
}

async function parties(invocation: Invocation, options: BenchOptions, peer: string | undefined): Promise<{ agent: Load["agent"]; to: string }> {
  if (peer === undefined) {
    const { openLoopback } = await import("../bench/loopback.js");
    const loopback = await openLoopback(invocation);
    return { agent: loopback.agent, to: loopback.peer };
  }
  const { openAgent } = await import("../agent.js");
  const { agent } = await openAgent(invocation, options);
  return { agent, to: peer };
}

function spokenRow({ what, inFlight, bytes, perSecond, p50, p99 }: Measured): string {
  const how = inFlight === 0 ? what : `${what}, ${inFlight === 1 ? "one at a time" : `${inFlight} in flight`}`;
  const times = p50 === undefined ? "" : `   p50 ${p50} ms, p99 ${p99} ms`;
  return `${how.padEnd(34)} ${`${bytes} B`.padStart(8)} ${perSecond.toLocaleString("en-US").padStart(10)} /s${times}`;
}
