import { type Agent, TightbeamError } from "@tightbeam/core";
import { permits } from "@tightbeam/core/identity";
import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import { agentKey } from "../feed/keys.js";
import { batchEvery } from "../feed/protocol.js";
import { checkOptions, wrong } from "../options.js";
import { type InspectedAgent, localSource } from "../source/local.js";
import type { Reveal } from "../source/payloads.js";
import type { InspectionSource, SourceUpdate } from "../source/types.js";
import { inspection, inspectionAsk } from "./contract.js";

export interface ServeInspectionOptions {
  /**
   * Who may look: ids of agents (`ops`, `acme/ops`), and permissions of their tokens, which have a colon (`inspect:alice`, covered by a grant of
   * `inspect:*`). Nobody else may, and there is no default.
   */
  readonly allow: readonly string[];
  /** Whether they may replay and discard dead letters. Default false. */
  readonly actions?: boolean | undefined;
  /** What they may see of payloads. Default: nothing. */
  readonly reveal?: Reveal | undefined;
  /** How many may look at once. Default 4. */
  readonly viewers?: number | undefined;
  readonly runtime?: Runtime | undefined;
}

type ServingAgent = InspectedAgent & Pick<Agent, "handle" | "links">;
type Viewer = { readonly id: string; readonly instance: string; readonly permissions: readonly string[] };

/**
 * Lets other agents look at this one over Tightbeam (`remoteSource`): the stream `inspection` and the method `inspection.ask`. Throws
 * `invalid_argument`, also when something answers those already. Returns a function that ends it.
 */
export function serveInspection(agent: ServingAgent, options: ServeInspectionOptions): () => void {
  checkOptions("serveInspection", options, ["allow", "actions", "reveal", "viewers", "runtime"]);
  const { allow, actions = false, reveal, viewers = 4, runtime = systemRuntime() } = options;
  if (allow === undefined) throw wrong("serveInspection: say in `allow` who may look; there is no default.");
  const ids = new Set(allow.filter((each) => !each.includes(":")));
  const permissions = allow.filter((each) => each.includes(":"));
  const open = new Map<string, InspectionSource>();

  const isAllowed = (peer: Viewer): boolean => ids.has(peer.id) || permissions.some((each) => permits(peer.permissions, each));

  /** A token may be renewed with less in it. */
  const mayGoOn = (peer: Viewer): boolean => {
    const link = agent.links(peer.id).find((each) => each.peer.instance === peer.instance);
    return link !== undefined && isAllowed(link.peer);
  };

  function check(peer: Viewer): void {
    if (!isAllowed(peer)) throw new TightbeamError("forbidden", "This agent does not let you look at it: its owner names who may in serveInspection.");
  }

  const stopStream = agent.handle(inspection, async function* (_, { peer, signal, source: wishes }): AsyncGenerator<SourceUpdate, undefined, void> {
    check(peer);
    const viewer = agentKey(peer);
    // One that connects again takes its own place: what it had is over, whether this side knows already or not.
    if (!open.has(viewer) && open.size >= viewers) throw new TightbeamError("overloaded", `At most ${viewers} look at this agent at once.`);
    open.get(viewer)?.close();
    const source = localSource(agent, { actions, reveal, runtime });
    open.set(viewer, source);
    try {
      void follow(wishes, source).catch(() => undefined);
      while (!signal.aborted && open.get(viewer) === source) {
        if (!mayGoOn(peer)) throw new TightbeamError("forbidden", "This agent does not let you look at it any more.");
        const update = source.take();
        // Waits for the reader's credit: meanwhile the source keeps what there is room for, and counts the rest.
        if (update !== undefined) yield update;
        await pause(runtime, signal);
      }
      return undefined;
    } finally {
      source.close();
      if (open.get(viewer) === source) open.delete(viewer);
    }
  });

  const stopAsk = agent.handle(inspectionAsk, async ({ name, fields }, { peer }) => {
    check(peer);
    const source = open.get(agentKey(peer));
    if (source === undefined) throw new TightbeamError("unavailable", "Open the stream 'inspection' before you ask.");
    return source.ask(name, fields as never);
  });

  return () => {
    stopStream();
    stopAsk();
    for (const source of open.values()) source.close();
    open.clear();
  };
}

async function follow(wishes: AsyncIterable<{ readonly look: number }>, source: InspectionSource): Promise<void> {
  for await (const { look } of wishes) source.look(look);
}

function pause({ timers }: Runtime, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(batchEvery, done, { background: true });
    signal.addEventListener("abort", done);
  });
}
