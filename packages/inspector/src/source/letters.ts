import { type Agent, type DeadLetter, isTightbeamError, TightbeamError } from "@tightbeam/core";
import type { FeedAnswer, FeedFields, LetterView } from "../feed/requests.js";
import { type Reveal, revealed } from "./payloads.js";

type LetterRequest = "letters" | "letter" | "contents" | "replay" | "discard";
export type LetterAnswers = { readonly [N in LetterRequest]: (fields: FeedFields<N>) => Promise<FeedAnswer<N>> };

export interface LetterOptions {
  /** Of the agent. */
  readonly key: string;
  readonly actions: boolean;
  readonly allowed: Reveal | undefined;
}

/** What may be asked about an agent's dead letters. Each rejects with what `agent.deadLetters` rejects, `unsupported`, `denied`. */
export function createLetterAnswers({ deadLetters }: Pick<Agent, "deadLetters">, { key, actions, allowed }: LetterOptions): LetterAnswers {
  const view = ({ messageId, ...letter }: DeadLetter): LetterView => {
    const { id, reason, cause, side, peer, method, priority, attempts, firstAt, lastAt, bytes, kept } = letter;
    const shown = { agent: key, id, reason, cause, side, peer, method, priority, attempts, firstAt, lastAt, bytes, kept };
    return messageId === undefined ? shown : { ...shown, messageId };
  };
  const find = async (id: string) => {
    const letter = await deadLetters.get(id);
    if (letter === undefined) throw new TightbeamError("unsupported", "There is no such letter any more.");
    return letter;
  };
  const mayAct = (): void => {
    if (!actions) throw new TightbeamError("denied", "The agent's owner lets the inspector look, not act.");
  };

  return {
    async letters({ limit = 50, after, reason, peer, method }) {
      const filter = {
        ...(after === undefined ? {} : { after }),
        ...(reason === undefined ? {} : { reason }),
        ...(peer === undefined ? {} : { peer }),
        ...(method === undefined ? {} : { method }),
      };
      const { letters, next } = await deadLetters.list({ limit, reverse: true, ...filter });
      return next === undefined ? { letters: letters.map(view) } : { letters: letters.map(view), next };
    },
    letter: async ({ id }) => view(await find(id)),
    async contents({ id }) {
      if (allowed === undefined) throw new TightbeamError("denied", "The agent's owner does not reveal payloads.");
      const { envelope } = await find(id);
      const shown = envelope === undefined ? undefined : revealed(envelope, allowed);
      if (shown === undefined) throw new TightbeamError("unsupported", "Nothing of this letter's message was kept, can be decoded or is revealed.");
      return shown;
    },
    async replay({ id }) {
      mayAct();
      await find(id);
      const { failed } = await deadLetters.replay(id);
      const [first] = failed;
      if (first === undefined) return { replayed: true };
      const { code, message } = isTightbeamError(first.error) ? first.error : { code: "handler_failed" as const, message: "The handler failed." };
      return { replayed: false, error: { code, message } };
    },
    async discard({ id }) {
      mayAct();
      return { discarded: await deadLetters.discard(id) };
    },
  };
}
