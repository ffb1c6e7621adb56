import type { EventContext } from "@tightbeam/core";
import type { Output } from "./output.js";
import { rawBytes, shown } from "./payload.js";
import { oneLine } from "./printable.js";

/** An event of a topic. */
export function putEvent(output: Output, event: unknown, { topic, peer, id, timestamp, priority, replayed }: EventContext, raw: boolean): Promise<void> {
  if (raw && !output.json) return output.bytes(rawBytes(event));
  return output.item(
    { type: "event", topic, from: peer.id, instance: peer.instance, id, at: new Date(timestamp).toISOString(), priority, replayed, event: event ?? null },
    ({ cyan, dim }) =>
      `${dim(new Date(timestamp).toISOString())} ${cyan(oneLine(topic))} ${dim(`from ${peer.id}${replayed ? ", replayed" : ""}`)} ${shown(event)}`,
  );
}
