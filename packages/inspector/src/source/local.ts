import { type Agent, TightbeamError } from "@tightbeam/core";
import type { Runtime } from "@tightbeam/core/runtime";
import { agentKey, isShared } from "../feed/keys.js";
import type { FeedAnswer } from "../feed/requests.js";
import { type CollectedAgent, createCollector, isOwn } from "./collector.js";
import { createLetterAnswers } from "./letters.js";
import { createPayloads, type Reveal } from "./payloads.js";
import type { InspectionSource, SourceFields, SourceRequestName } from "./types.js";

/** The part of an agent that is looked at. */
export type InspectedAgent = CollectedAgent & Pick<Agent, "deadLetters" | "onEnvelope">;

export interface LocalSourceOptions {
  readonly actions: boolean;
  readonly reveal: Reveal | undefined;
  readonly runtime: Runtime;
}

/** An agent of this process. */
export function localSource(agent: InspectedAgent, { actions, reveal, runtime }: LocalSourceOptions): InspectionSource {
  const key = agentKey(agent);
  const reveals = reveal !== undefined;
  const collector = createCollector(agent, runtime, { reveals, actions });
  const payloads = reveal === undefined ? undefined : createPayloads(agent.id, reveal);
  let share = 0;
  const stop = payloads === undefined ? undefined : agent.onEnvelope((envelope) => (isLookedAt(envelope) ? payloads.add(envelope) : undefined));
  const letters = createLetterAnswers(agent, { key, actions, allowed: reveal });

  function isLookedAt({ id, correlationId, method }: { readonly id: string; readonly correlationId?: string; readonly method?: string }): boolean {
    return !(method?.startsWith("tb/") || (method !== undefined && isOwn(method))) && isShared(correlationId ?? id, share);
  }

  const answers: { readonly [N in SourceRequestName]: (fields: SourceFields<N>) => Promise<FeedAnswer<N>> } = {
    ...letters,
    async payload(fields) {
      if (payloads === undefined) throw new TightbeamError("denied", "The agent's owner does not reveal payloads.");
      return payloads.get(fields);
    },
    replay: (fields) => letters.replay(fields).finally(collector.lettersChanged),
    discard: (fields) => letters.discard(fields).finally(collector.lettersChanged),
  };

  return {
    key,
    id: agent.id,
    actions,
    reveals,
    look(value) {
      share = value;
      collector.look(value);
    },
    take: collector.take,
    ask: (name, fields) => answers[name](fields),
    close() {
      stop?.();
      collector.close();
    },
  };
}
