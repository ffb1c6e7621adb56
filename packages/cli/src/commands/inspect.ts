import type { Command } from "commander";
import type { StoreOptions } from "../agent.js";
import type { Frame, Invocation } from "../invocation.js";
import { whole } from "../numbers.js";
import { type AgentSettingsOptions, agentOptions } from "../settings.js";

interface InspectOptions extends AgentSettingsOptions, StoreOptions {
  readonly port?: number;
  readonly allowActions?: boolean;
}

export function define(command: Command, { action }: Frame): void {
  agentOptions(
    command
      .argument("<agents...>", "agents that let us look: serveInspection(agent, { allow: [our id] })")
      .option("--port <number>", "where the page is, on 127.0.0.1 (default: one that is free)", whole(1, 65_535))
      .option("--allow-actions", "dead letters can be replayed and discarded, as far as the agents' owners permit it too"),
  )
    .description("A page on this machine that shows what agents do. Open the URL it prints in a browser here; whoever has that URL sees what the page sees.")
    .addHelpText("after", "\nExample:\n  tightbeam inspect alice bob")
    .action(action(inspect));
}

async function inspect(
  invocation: Invocation,
  { port, allowActions = false, ...options }: InspectOptions,
  ...agents: readonly (string | undefined)[]
): Promise<void> {
  const { output, runtime, signal, later } = invocation;
  const [{ openSources, warned }, inspector, { ended }, { opened }] = await Promise.all([
    import("../reach.js"),
    import("@tightbeam/inspector"),
    import("../until.js"),
    import("../listening.js"),
  ]);
  const peers = agents.flat().filter((each): each is string => each !== undefined);
  const { sources, lost } = await openSources(invocation, options, peers, warned(invocation));
  const page = await opened(
    inspector.inspect(
      sources.map(({ source }) => source),
      { runtime, allowActions, ...(port === undefined ? {} : { port }) },
    ),
    "Give another --port, or none: then it is one that is free.",
  );
  later(() => page.close());
  await output.item({ type: "listening", url: page.url, agents: peers, actions: allowActions }, page.url);
  output.note("Open it in a browser on this machine. Ctrl-C ends it.");
  await Promise.race([ended(signal), lost]);
}
