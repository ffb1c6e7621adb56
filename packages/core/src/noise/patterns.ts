/** Noise rev 34, section 7, and the hybrid tokens of the HFS draft. */
export type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk" | "e1" | "ekem1";

export interface Pattern {
  /** Whether the initiator's or responder's static key is known to the other beforehand (pre-messages, section 7.1). */
  readonly initiatorKnown: boolean;
  readonly responderKnown: boolean;
  /** Even messages are the initiator's. */
  readonly messages: readonly (readonly Token[])[];
  /** One message, one direction (section 7.4). */
  readonly oneWay: boolean;
  readonly psks: number;
}

interface Base {
  /** "i" and "r": whose static key the other side knows before. */
  readonly known: "" | "r" | "ir";
  readonly messages: readonly string[];
}

/** Sections 7.4 and 7.5. */
const bases: Readonly<Record<string, Base>> = {
  N: { known: "r", messages: ["e es"] },
  K: { known: "ir", messages: ["e es ss"] },
  X: { known: "r", messages: ["e es s ss"] },
  NN: { known: "", messages: ["e", "e ee"] },
  NK: { known: "r", messages: ["e es", "e ee"] },
  NX: { known: "", messages: ["e", "e ee s es"] },
  KK: { known: "ir", messages: ["e es ss", "e ee se"] },
  XK: { known: "r", messages: ["e es", "e ee", "s se"] },
  XX: { known: "", messages: ["e", "e ee s es", "s se"] },
  IK: { known: "r", messages: ["e es s ss", "e ee se"] },
  IX: { known: "", messages: ["e s", "e ee se s es"] },
};

/** HFS draft: `e1` follows `e`, `ekem1` follows `ee`. */
const hybrids: Readonly<Record<string, Base>> = { XX: { known: "", messages: ["e e1", "e ee ekem1 s es", "s se"] } };

export const patternNames: readonly string[] = Object.keys(bases);

/** Undefined when the name or a modifier is not known. `psks`: positions in ascending order (section 9.4). */
export function patternFor(name: string, hybrid: boolean, psks: readonly number[]): Pattern | undefined {
  const table = hybrid ? hybrids : bases;
  const base = Object.hasOwn(table, name) ? table[name] : undefined;
  if (base === undefined || (hybrid && psks.length > 0)) return undefined;
  const messages = base.messages.map((tokens) => tokens.split(" ") as Token[]);
  let previous = -1;
  for (const position of psks) {
    if (position <= previous || position > messages.length) return undefined;
    previous = position;
    // Section 9.4: psk0 begins the first message, pskN ends message N.
    if (position === 0) messages[0]?.unshift("psk");
    else messages[position - 1]?.push("psk");
  }
  return { initiatorKnown: base.known === "ir", responderKnown: base.known !== "", messages, oneWay: messages.length === 1, psks: psks.length };
}
