import type { MessageView } from "../../feed/types.js";
import { isReply, outcomeOf } from "./outcome.js";

/** A request with its replies, a stream with its parts, or one message that stands alone. */
export interface Conversation {
  /** The id of the message that began it. */
  readonly id: string;
  /** Undefined when the page never saw how it began. */
  opening: MessageView | undefined;
  /** The first and the newest of them, at most `repliesKept`. */
  readonly replies: MessageView[];
  /** How many came. */
  replyCount: number;
}

export interface Conversations {
  /** Of all messages that are kept, in the order of their time. */
  readonly messages: readonly MessageView[];
  /** Rises with every change. */
  readonly changes: number;
  /** How many different messages were taken. */
  readonly taken: number;
  take(message: MessageView): void;
  of(message: MessageView): Conversation | undefined;
  message(key: string): MessageView | undefined;
  clear(): void;
}

export const repliesKept = 32;

const openingOf = (message: MessageView): string => (isReply(message) ? (message.correlationId ?? message.id) : message.id);

/** Ids are chosen by senders: one that is used between other agents too, by chance or on purpose, joins nothing there. */
const rootOf = (message: MessageView): string => {
  const { from, to } = message;
  return `${openingOf(message)} ${from < to ? `${from} ${to}` : `${to} ${from}`}`;
};

/** Keeps at most `capacity` messages, the newest: what is older goes, an eighth of them at a time. */
export function createConversations(capacity: number): Conversations {
  let messages: MessageView[] = [];
  let byKey = new Map<string, MessageView>();
  let byRoot = new Map<string, Conversation>();
  let changes = 0;
  let taken = 0;

  function join(message: MessageView): void {
    const root = rootOf(message);
    const there = byRoot.get(root) ?? { id: openingOf(message), opening: undefined, replies: [], replyCount: 0 };
    byRoot.set(root, there);
    if (!isReply(message)) {
      there.opening = message;
      return;
    }
    there.replyCount += 1;
    there.replies.push(message);
    if (there.replies.length > repliesKept) there.replies.splice(1, 1);
  }

  function replace(old: MessageView, message: MessageView): void {
    const place = positionOf(old);
    if (place >= 0) messages[place] = message;
    const there = byRoot.get(rootOf(old));
    if (there === undefined) return;
    if (there.opening === old) there.opening = message;
    const reply = there.replies.indexOf(old);
    if (reply >= 0) there.replies[reply] = message;
  }

  /** Messages are sorted by `at`: the place is found by halving, then among those of the same time. */
  function positionOf(message: MessageView): number {
    for (let place = after(message.at) - 1; place >= 0 && messages[place]?.at === message.at; place -= 1) if (messages[place] === message) return place;
    return -1;
  }

  function after(at: number): number {
    let low = 0;
    let high = messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((messages[middle]?.at ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function shed(): void {
    const count = messages.length - capacity + Math.ceil(capacity / 8);
    for (const message of messages.slice(0, count)) {
      byKey.delete(message.key);
      const root = rootOf(message);
      const there = byRoot.get(root);
      if (there === undefined) continue;
      if (there.opening === message) there.opening = undefined;
      const reply = there.replies.indexOf(message);
      if (reply >= 0) there.replies.splice(reply, 1);
      if (there.opening === undefined && there.replies.length === 0) byRoot.delete(root);
    }
    messages = messages.slice(count);
  }

  return {
    get messages() {
      return messages;
    },
    get changes() {
      return changes;
    },
    get taken() {
      return taken;
    },
    take(given) {
      changes += 1;
      const old = byKey.get(given.key);
      // Its place in time stays what it was, whatever is said later.
      const message = old === undefined || old.at === given.at ? given : { ...given, at: old.at };
      byKey.set(message.key, message);
      if (old !== undefined) {
        replace(old, message);
        return;
      }
      taken += 1;
      const last = messages.at(-1);
      if (last === undefined || last.at <= message.at) messages.push(message);
      else messages.splice(after(message.at), 0, message);
      join(message);
      if (messages.length > capacity) shed();
    },
    // Of two messages that claim one id between the same agents, the older may outlive what it belonged to: then it stands alone.
    of: (message) =>
      byRoot.get(rootOf(message)) ?? (byKey.has(message.key) ? { id: openingOf(message), opening: message, replies: [], replyCount: 0 } : undefined),
    message: (key) => byKey.get(key),
    clear() {
      messages = [];
      byKey = new Map();
      byRoot = new Map();
      changes += 1;
    },
  };
}

/** `waiting`: a request without its reply. `streaming`: parts came, and no end is known. */
export type ConversationState = "waiting" | "streaming" | "done" | "failed";

export function stateOf({ opening, replies }: Conversation): ConversationState {
  const all = opening === undefined ? replies : [opening, ...replies];
  if (all.some((message) => message.type === "error" || outcomeOf(message) === "failed")) return "failed";
  if (opening?.type === "request") return opening.answered !== undefined || replies.length > 0 || outcomeOf(opening) === "done" ? "done" : "waiting";
  if (opening?.type === "stream")
    return opening.answered !== undefined || outcomeOf(opening) === "done" ? "done" : replies.length > 0 ? "streaming" : "waiting";
  return opening === undefined || outcomeOf(opening) === "done" ? "done" : "waiting";
}
