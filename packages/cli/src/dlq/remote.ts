import type { StoreOptions } from "../agent.js";
import type { Invocation } from "../invocation.js";
import { openSources, seen } from "../reach.js";
import type { AgentSettingsOptions } from "../settings.js";
import type { Letter, Letters } from "./letter.js";

/** At an agent that runs: its owner allows us to look, and to act where that is asked for. */
export async function remoteLetters(invocation: Invocation, options: AgentSettingsOptions & StoreOptions, of: string): Promise<Letters> {
  const { sources } = await openSources(invocation, options, [of]);
  const [only] = sources as [(typeof sources)[number]];
  const agent = await seen(invocation, only);
  const { source } = only;
  return {
    async list(filter, limit) {
      const letters: Letter[] = [];
      let after: string | undefined;
      do {
        const page = await source.ask("letters", { agent, limit: Math.min(200, limit - letters.length), ...filter, ...(after === undefined ? {} : { after }) });
        letters.push(...page.letters.slice(0, limit - letters.length));
        // One that says there is more and tells of nothing is not asked for ever.
        after = page.letters.length === 0 ? undefined : page.next;
      } while (after !== undefined && letters.length < limit);
      return { letters, more: after !== undefined };
    },
    async get(id) {
      return source.ask("letter", { agent, id });
    },
    async replay(id) {
      const { replayed, error } = await source.ask("replay", { agent, id });
      return replayed ? undefined : (error ?? { code: "handler_failed", message: "It failed again." });
    },
    async discard(id) {
      return (await source.ask("discard", { agent, id })).discarded;
    },
  };
}
