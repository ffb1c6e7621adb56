import { buildAsk, parseRetry, sessionIdOf, sessionIdToBytes } from "../frame/frame.js";
import { type Address, parseInbox } from "../transport/address.js";
import type { Context } from "./context.js";
import { createExpiringMap } from "./expiring.js";
import { parseTarget } from "./target.js";
import type { SuiteId } from "./types.js";

/**
 * Asks the group behind an agent's address which instances are in it (docs/protocol.md, section 4.7). An answer is a hint
 * that anybody on the way can make up: it is worth one dial, which proves it.
 */
export interface Asks {
  /** `found` is called with each instance that answers within 2 s, perhaps more than once. */
  ask(to: Address, times: number, found: (instance: string) => void): void;
  /** RETRY: false when nothing was asked under the frame's id. */
  receive(frame: Uint8Array): boolean;
  has(id: number): boolean;
  close(): void;
}

interface Question {
  readonly id: string;
  readonly found: (instance: string) => void;
}

const asksMax = 256;
const answersWithinMs = 2_000;

export function createAsks(context: Context): Asks {
  const open = createExpiringMap<number, Question>(context.runtime.timers, asksMax, answersWithinMs);
  return {
    ask(to, times, found) {
      const id = parseTarget(to)?.id;
      if (id === undefined) return;
      const localId = context.newSessionId();
      open.set(localId, { id, found });
      const { suites, addresses } = context;
      const frame = buildAsk({ suite: suites[0] as SuiteId, sessionId: sessionIdToBytes(localId), replyTo: addresses.inbox, suites });
      for (let time = 0; time < times; time++) context.sendQuietly(to, frame);
    },
    receive(frame) {
      const question = open.get(sessionIdOf(frame));
      if (question === undefined) return false;
      const retry = parseRetry(frame);
      if (typeof retry === "string") context.refuse(retry);
      else {
        const inbox = parseInbox(retry.replyTo);
        if (inbox?.agentId !== question.id) context.refuse("retry_address");
        else question.found(inbox.instance);
      }
      return true;
    },
    has: (id) => open.get(id) !== undefined,
    close: () => open.clear(),
  };
}
