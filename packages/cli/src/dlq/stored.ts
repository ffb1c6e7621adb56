import { openAgent, type StoreOptions } from "../agent.js";
import type { Invocation } from "../invocation.js";
import type { AgentSettingsOptions } from "../settings.js";
import { type Letters, noSuch } from "./letter.js";

const needsProgram =
  "it came here, and only the agent's own program handles it. Start that; then `tightbeam dlq replay --of` the agent, or agent.deadLetters.replay(...) in it";

/** In the store of an agent that does not run, which this process is for that long: what it had sent can be sent again, and what came needs its program. */
export async function storedLetters(invocation: Invocation, options: AgentSettingsOptions & StoreOptions): Promise<Letters> {
  const { agent } = await openAgent(invocation, options, { needsStore: true });
  const { deadLetters } = agent;
  return {
    async list(filter, limit) {
      const { letters, next } = await deadLetters.list({ ...filter, limit: Math.min(limit, 1_000), reverse: true });
      return { letters, more: next !== undefined };
    },
    async get(id) {
      const found = await deadLetters.get(id);
      if (found === undefined) throw noSuch(id);
      const { envelope: _, raw: __, ...letter } = found;
      return letter;
    },
    async replay(id) {
      const letter = await deadLetters.get(id);
      if (letter === undefined) throw noSuch(id);
      // Nothing handles it in this process: the try would fail, count, and put `no_handler` in place of the reason that is worth knowing.
      if (letter.side === "receiver") return { code: "unsupported", message: needsProgram };
      const { replayed, failed } = await deadLetters.replay(id, { signal: invocation.signal });
      const [first] = failed;
      if (first !== undefined) return { code: first.error.code, message: first.error.message };
      if (replayed === 0) throw noSuch(id);
      return undefined;
    },
    discard: (id) => deadLetters.discard(id),
  };
}
