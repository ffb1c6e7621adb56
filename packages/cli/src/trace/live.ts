import type { Invocation } from "../invocation.js";
import { openSources } from "../reach.js";
import type { AgentSettingsOptions } from "../settings.js";
import { pause } from "../until.js";
import type { SourceMessage } from "./seen-message.js";

export interface LiveCall {
  /** The agent that saw it. */
  readonly agent: string;
  readonly message: SourceMessage;
}

const everyMs = 200;
/** A message that never ends is forgotten after so many others. */
const openMax = 10_000;
const over: ReadonlySet<string> = new Set(["answered", "processed", "failed", "expired", "dead_lettered"]);

/** Messages that came to an end at these agents, as they do, until the signal fires. `told`: why one of them is not seen. */
export async function* liveCalls(
  invocation: Invocation,
  options: AgentSettingsOptions,
  peers: readonly string[],
  told: (peer: string, error: unknown) => void,
): AsyncGenerator<LiveCall> {
  const { sources } = await openSources(invocation, options, peers, told);
  for (const { source } of sources) source.look(1);
  const shown = new Set<string>();
  while (!invocation.signal.aborted) {
    for (const { source } of sources) {
      for (const message of source.take()?.messages ?? []) {
        const last = message.stages.at(-1)?.what ?? "";
        const key = `${source.id} ${message.direction} ${message.id} ${last}`;
        if (!over.has(last) && !(last === "acknowledged" && message.type !== "request")) continue;
        if (shown.has(key)) continue;
        shown.add(key);
        if (shown.size > openMax) for (const oldest of [...shown].slice(0, openMax / 2)) shown.delete(oldest);
        yield { agent: source.id, message };
      }
    }
    await pause(invocation.runtime, everyMs, invocation.signal);
  }
}
