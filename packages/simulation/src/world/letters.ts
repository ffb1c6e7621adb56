import { type Agent, isTightbeamError } from "@tightbeam/core";
import { printOf, type TraceDetail, textOf } from "../trace.js";

/** Writes into the trace what dead letters an agent has, with what was in them. */
export async function collectLetters(agent: Agent, record: (detail: TraceDetail) => void): Promise<void> {
  let after: string | undefined;
  try {
    do {
      const { letters, next } = await agent.deadLetters.list(after === undefined ? {} : { after });
      for (const { id, reason, side, peer, method } of letters) {
        const contents = await agent.deadLetters.get(id);
        record({ type: "letter", reason, side, peer, method, print: printOf(textOf(contents?.envelope?.payload)) });
      }
      after = next;
    } while (after !== undefined);
    const { damaged } = await agent.deadLetters.statistics();
    if (damaged > 0) record({ type: "log", what: "store_damaged", text: `${damaged} dead letters` });
  } catch (error) {
    // An agent without dead letters has none; one with a store that failed cannot tell.
    if (!isTightbeamError(error)) throw error;
  }
}
