import type { Link } from "../../link/link-types.js";
import type { Lane } from "../../link/message.js";

/** Sends a part that is no chunk: in the order of what was said before, or past it. */
export function say(link: Link, lane: Lane, bytes: Uint8Array, inOrder: boolean): void {
  try {
    link.send({ bytes, lane, intake: false, part: inOrder });
  } catch {
    // It ended, and tells its streams so; or the peer leaves no room even for a few bytes, and would wait for ever.
    if (link.state !== "ended") link.close("overloaded");
  }
}
