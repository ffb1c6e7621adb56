import { isTightbeamError } from "@tightbeam/core/transport";
import { type InspectionSource, remoteSource } from "@tightbeam/inspector";
import { type OpenAgent, openAgent, type StoreOptions } from "./agent.js";
import { CommandError, usageError } from "./command-error.js";
import { exitCodeFor } from "./exit-codes.js";
import type { Invocation } from "./invocation.js";
import { reportOf } from "./report.js";
import type { AgentSettingsOptions } from "./settings.js";
import { pause } from "./until.js";

/** Agents elsewhere, looked at over Tightbeam: their owners must have called `serveInspection` and allow us. */
export interface Reached extends OpenAgent {
  readonly sources: readonly Seen[];
}

export interface Seen {
  readonly source: InspectionSource;
  /** Why it is not seen now; undefined while it is, or before the first try. */
  readonly failure: () => unknown;
}

/** Opens an agent and looks through it at the others; closed with the command. `told`: called with each reason for which one is not seen. */
export async function openSources(
  invocation: Invocation,
  options: AgentSettingsOptions & StoreOptions,
  peers: readonly string[],
  told: (peer: string, error: unknown) => void = () => undefined,
): Promise<Reached> {
  if (peers.length === 0) throw usageError("Which agent?", 'Name one that serves inspection: serveInspection(agent, { allow: ["your id"] }).');
  const open = await openAgent(invocation, options);
  const sources = peers.map((peer) => {
    let failure: unknown;
    const source = remoteSource(open.agent, peer, {
      runtime: invocation.runtime,
      onFailure(error) {
        failure = explained(peer, open.agent.id, error);
        // What ends with the command is no failure.
        if (!invocation.signal.aborted) told(peer, failure);
      },
    });
    invocation.later(() => source.close());
    return { source, failure: () => failure };
  });
  return { ...open, sources };
}

/** Whoever looks has called no method, and has no permission to ask for: it is the other's owner who lets somebody look. */
function explained(peer: string, id: string, error: unknown): unknown {
  if (!isTightbeamError(error) || (error.code !== "no_handler" && error.code !== "forbidden")) return error;
  const message = error.code === "no_handler" ? `${peer} lets nobody look at it.` : `${peer} does not let ${id} look at it.`;
  return new CommandError(
    error.code,
    exitCodeFor(error.code),
    message,
    `In its program: serveInspection(agent, { allow: ["${id}"] }) of @tightbeam/inspector.`,
    error,
  );
}

/** For a command that goes on without it: a warning. */
export const warned =
  ({ output }: Invocation) =>
  (peer: string, error: unknown): void => {
    const { code, message, advice } = reportOf(error);
    output.warn(code, `${peer} is not seen: ${message}${advice === undefined ? "" : ` ${advice}`}`);
  };

/** Resolves with its key when it is seen. Rejects with why it is not, at the first failure. */
export async function seen({ runtime, signal }: Invocation, { source, failure }: Seen): Promise<string> {
  for (;;) {
    signal.throwIfAborted();
    const agent = source.take()?.agent;
    if (agent !== undefined && agent.state !== "unreachable") return agent.key;
    const error = failure();
    if (error !== undefined) throw error;
    await pause(runtime, 25, signal);
  }
}
