import { isUuid } from "../../envelope/id.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import { type TopicPattern, topicPattern } from "./pattern.js";

/*
 * What subscribers and publishers say to each other, as docs/protocol.md has it: requests `tb/subscribe`, `tb/unsubscribe` and `tb/events`
 * of a subscriber, `tb/unsubscribed` of a publisher. Here their shapes are checked: whoever sends them is authenticated, and nothing more.
 */

export interface Ask {
  readonly id: string;
  readonly pattern: TopicPattern;
  readonly replay: number;
  readonly credit: number;
}

export function readAsk(value: unknown): Ask {
  const { id, pattern, replay = 0, credit } = members(value);
  if (!isUuid(id)) throw refused("id");
  if (!isWhole(replay, limits.topicRetainMax)) throw refused("replay");
  if (!isWhole(credit, Number.MAX_SAFE_INTEGER)) throw refused("credit");
  try {
    return { id, pattern: topicPattern(pattern as string), replay, credit };
  } catch {
    throw refused("pattern");
  }
}

/** The id of the last event published before: undefined when there was none. */
export function readAnswer(value: unknown): string | undefined {
  const { after } = members(value);
  if (after !== undefined && !isUuid(after)) throw refused("after");
  return after;
}

export function readId(value: unknown): string {
  const { id } = members(value);
  if (!isUuid(id)) throw refused("id");
  return id;
}

export function readCredit(value: unknown): number {
  const { credit } = members(value);
  if (!isWhole(credit, Number.MAX_SAFE_INTEGER)) throw refused("credit");
  return credit;
}

type Members = Readonly<Record<string, unknown>>;

const members = (value: unknown): Members => {
  if (typeof value !== "object" || value === null) throw refused("the whole");
  return value as Members;
};

const isWhole = (value: unknown, most: number): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;

const refused = (where: string): TightbeamError =>
  new TightbeamError("invalid_input", `A message about subscriptions is not as the protocol has it: ${where}.`);
