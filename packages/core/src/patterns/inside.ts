import { TightbeamError } from "../errors.js";
import type { Link, LinkState } from "../link/link-types.js";
import type { Delivery } from "../link/message.js";
import type { PatternHost, PatternPart } from "./host.js";

/** What parts that are loaded later need of an agent. */
export interface Inside {
  readonly host: PatternHost;
  /** The largest message this agent takes. */
  readonly messageMaxBytes: number;
  /** Told of links and of the end, from when they are added. */
  readonly parts: PatternPart[];
  readonly onLink: (listener: (link: Link, state: LinkState) => void) => () => void;
  /** Where messages go that are no envelopes but forwarded frames (`via/`). Undefined: nowhere, and they are refused. */
  readonly frames: FrameSlot;
}

/** First byte of what travels between a client and an intermediate: version 1, type 8 (docs/protocol.md, section 8.1). No envelope begins with it. */
export const frameMark = 0x18;

export interface FrameSlot {
  take: ((link: Link, delivery: Delivery) => void) | undefined;
}

const insides = new WeakMap<object, Inside>();

export const setInside = (agent: object, inside: Inside): void => void insides.set(agent, inside);

/** Throws `invalid_argument` for what `createAgent` has not made. */
export function insideOf(agent: object): Inside {
  const inside = insides.get(agent);
  if (inside === undefined) throw new TightbeamError("invalid_argument", "This is no agent made by createAgent().");
  return inside;
}
