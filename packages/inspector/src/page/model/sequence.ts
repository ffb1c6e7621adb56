import type { MessageView } from "../../feed/types.js";
import type { Conversation } from "./conversations.js";
import { isReply } from "./outcome.js";

/** Stands for every agent that has no line of its own. */
export const others = "";

/**
 * Which agents get a line: all of them, in the order of `order`, where there is room, else the busiest and one line for the others. Lines that are
 * there stay as long as they show nearly as much as the best choice would: a diagram whose columns jump about cannot be read.
 */
export function chooseLanes(previous: readonly string[], messages: readonly MessageView[], most: number, order: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { from, to } of messages) for (const key of [from, to]) counts.set(key, (counts.get(key) ?? 0) + 1);
  const place = new Map(order.map((key, index) => [key, index]));
  const inOrder = (keys: readonly string[]): string[] =>
    [...keys].sort((a, b) => (place.get(a) ?? order.length) - (place.get(b) ?? order.length) || (a < b ? -1 : 1));
  if (counts.size <= most) return same(previous, inOrder([...counts.keys()]));
  const busiest = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, Math.max(1, most - 1));
  const covered = (keys: readonly string[]): number => keys.reduce((sum, key) => sum + (counts.get(key) ?? 0), 0);
  const best = busiest.map(([key]) => key);
  const kept = previous.filter((key) => key !== others);
  if (kept.length === best.length && previous.includes(others) && covered(kept) >= 0.7 * covered(best)) return previous;
  return [...inOrder(best), others];
}

const same = (previous: readonly string[], next: readonly string[]): readonly string[] =>
  previous.length === next.length && previous.every((key, index) => key === next[index]) ? previous : next;

/** The line of an agent. */
export function laneOf(lanes: readonly string[], key: string): number {
  const own = lanes.indexOf(key);
  return own >= 0 ? own : Math.max(0, lanes.indexOf(others));
}

/**
 * For each row which lines are at work there: that of whoever was asked, from the request to its last reply. `rows`: by time. Bits by lane, of
 * which there are at most 32; what the others share says nothing.
 */
export function activity(
  rows: readonly MessageView[],
  conversationOf: (message: MessageView) => Conversation | undefined,
  lanes: readonly string[],
): Uint32Array {
  const bits = new Uint32Array(rows.length);
  const last = new Map<string, number>();
  rows.forEach((row, index) => {
    if (isReply(row) && row.correlationId !== undefined) last.set(row.correlationId, index);
  });
  const asked = new Set<Conversation>();
  rows.forEach((row, index) => {
    const conversation = conversationOf(row);
    const end = last.get(row.id);
    if (end === undefined || end <= index || conversation === undefined || asked.has(conversation)) return;
    asked.add(conversation);
    const lane = lanes.indexOf(row.to);
    if (lane < 0) return;
    const bit = 1 << lane;
    for (let at = index; at <= end; at += 1) bits[at] = (bits[at] ?? 0) | bit;
  });
  return bits;
}

export interface MessageFilter {
  /** Part of a method, a topic or an agent's name. */
  readonly text: string;
  /** Key of an agent; empty: any. */
  readonly agent: string;
  readonly failedOnly: boolean;
}

export function filterMessages(
  messages: readonly MessageView[],
  { text, agent, failedOnly }: MessageFilter,
  nameOf: (key: string) => string,
  isFailed: (message: MessageView) => boolean,
): readonly MessageView[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "" && agent === "" && !failedOnly) return messages;
  return messages.filter(
    (message) =>
      (agent === "" || message.from === agent || message.to === agent) &&
      (wanted === "" || [message.name ?? "", nameOf(message.from), nameOf(message.to)].some((one) => one.toLowerCase().includes(wanted))) &&
      (!failedOnly || isFailed(message)),
  );
}
