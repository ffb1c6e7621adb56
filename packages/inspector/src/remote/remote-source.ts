import { type Agent, isTightbeamError, type StreamCallOf, TightbeamError } from "@tightbeam/core";
import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import type { z } from "zod";
import { agentKey, edgeKey, linkKey } from "../feed/keys.js";
import type { FeedAnswer } from "../feed/requests.js";
import type { AgentView } from "../feed/types.js";
import { checkOptions } from "../options.js";
import type { InspectionSource, SourceFields, SourceRequestName, SourceUpdate } from "../source/types.js";
import { answerSchemas, inspection, inspectionAsk, type question } from "./contract.js";
import { createWaiting } from "./waiting.js";

export interface RemoteSourceOptions {
  readonly runtime?: Runtime | undefined;
  /** Told why it could not be reached or is not seen any more; the same code again only when it was seen in between. What it throws is ignored. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** Of what keeps the stream open. */
type ViewingAgent = Pick<Agent, "link" | "stream" | "request">;

/** ms between two tries, doubled from the first to the last. */
const retryFirst = 1_000;
const retryMost = 30_000;

/**
 * An agent elsewhere, seen through `agent` over Tightbeam, as far as the other's `serveInspection` lets it: give it to `inspect`. It keeps
 * trying until it is closed. What the other says is checked, and counts only about itself.
 */
export function remoteSource(
  agent: ViewingAgent,
  peer: string | { readonly id: string; readonly instance: string },
  options: RemoteSourceOptions = {},
): InspectionSource {
  checkOptions("remoteSource", options, ["runtime", "onFailure"]);
  const { runtime = systemRuntime(), onFailure } = options;
  const { timers } = runtime;
  const ending = new AbortController();
  const waiting = createWaiting();
  const target = typeof peer === "string" ? { id: peer } : peer;
  let place: { readonly key: string; readonly id: string; readonly instance: string } | undefined;
  /** Until one answers nobody knows which instance it is. */
  let about: AgentView = { key: agentKey({ instance: "", ...target }), id: target.id, instance: "", watched: "remote", state: "unreachable" };
  let call: StreamCallOf<typeof inspection> | undefined;
  let share = 0;
  let said = 0;
  let saying = false;
  let retryAfter = retryFirst;
  /** The code that was told of since it was seen. */
  let known: unknown;

  async function keepOpen(): Promise<void> {
    while (!ending.signal.aborted) {
      try {
        await view();
      } catch (error) {
        tell(error);
      }
      call = undefined;
      waiting.put({ ...nothing(runtime), agent: { ...about, state: "unreachable" }, gone: waiting.links() });
      await pause(retryAfter);
      retryAfter = Math.min(retryAfter * 2, retryMost);
    }
  }

  /** One stream, from its opening to its end. */
  async function view(): Promise<void> {
    const { peer: found } = await agent.link(target, { signal: ending.signal });
    const seen = { id: found.id, instance: found.instance, key: agentKey(found) };
    if (place?.key !== seen.key) {
      waiting.clear();
      about = { ...seen, watched: "remote", state: "unknown" };
    }
    place = seen;
    said = 0;
    const stream = agent.stream({ id: seen.id, instance: seen.instance }, inspection, { version: 1 }, { signal: ending.signal });
    call = stream;
    say();
    for await (const update of stream) {
      retryAfter = retryFirst;
      known = undefined;
      waiting.put(ownOf(update));
      // Not taken: not read, so that the other side hears of it by its credit.
      await waiting.room(ending.signal);
    }
    await stream.result;
  }

  /** Whatever it says, it says of itself. */
  function ownOf(update: SourceUpdate): SourceUpdate {
    const { key, id, instance } = place as NonNullable<typeof place>;
    const links = update.links.map((link) => ({ ...link, from: key, key: linkKey(key, link.to), edge: edgeKey(key, link.to) }));
    if (update.agent === undefined) return { ...update, links };
    about = { ...update.agent, key, id, instance, watched: "remote" };
    return { ...update, links, agent: about };
  }

  /** The last wish is what counts: one is on its way at a time. */
  function say(): void {
    if (call === undefined || saying || said === share) return;
    saying = true;
    said = share;
    call
      .write({ look: share })
      .catch(() => undefined)
      .finally(() => {
        saying = false;
        if (said !== share && (share === 0 || Math.abs(share - said) > said * 0.1)) say();
      });
  }

  function tell(error: unknown): void {
    const reason: unknown = isTightbeamError(error) ? error.code : String(error);
    if (reason === known) return;
    known = reason;
    try {
      onFailure?.(error);
    } catch {
      // It only watches.
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        ending.signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = timers.after(ms, done, { background: true });
      ending.signal.addEventListener("abort", done);
    });
  }

  void keepOpen();

  return {
    id: target.id,
    get key() {
      return about.key;
    },
    get actions() {
      return about.actions === true;
    },
    get reveals() {
      return about.reveals === true;
    },
    look(value) {
      share = value;
      if (share === 0 || said === 0 || Math.abs(share - said) > said * 0.1) say();
    },
    take: waiting.take,
    async ask<N extends SourceRequestName>(name: N, fields: SourceFields<N>): Promise<FeedAnswer<N>> {
      if (place === undefined || call === undefined) throw new TightbeamError("unavailable", "This agent is not reached now.");
      const { id, instance } = place;
      const asked = { name, fields } as z.infer<typeof question>;
      const answer = answerSchemas[name].safeParse(await agent.request({ id, instance }, inspectionAsk, asked, { timeout: 40_000, signal: ending.signal }));
      if (!answer.success) throw new TightbeamError("malformed", "The agent answered with something else than was asked.");
      return answer.data as FeedAnswer<N>;
    },
    close: () => ending.abort(),
  };
}

const nothing = ({ clock }: Runtime): SourceUpdate => ({
  at: clock.wall(),
  links: [],
  gone: [],
  messages: [],
  dropped: 0,
  breakers: [],
  security: [],
  events: [],
});
