import { other } from "./names.js";

/** Names as values of attributes by which series and spans are grouped: so many of them, and `_OTHER` for all that come later. */
export interface Labels {
  /** `claim`: it may have a place of its own. What strangers can invent may not. */
  of(name: string, claim: boolean): string;
  /** What `of` may still come to, without taking a place. */
  peek(name: string): string;
}

export function createLabels(most: number): Labels {
  const placed = new Set<string>();
  return {
    of(name, claim) {
      if (placed.has(name)) return name;
      if (!claim || placed.size >= most) return other;
      placed.add(name);
      return name;
    },
    peek: (name) => (placed.has(name) || placed.size < most ? name : other),
  };
}

/** What this process says and what comes to it are apart: no stranger takes a place of a method that this process calls. */
export interface LabelSets {
  readonly methods: { readonly sent: Labels; readonly received: Labels };
  /** Of those that this process calls: the others are in no series. */
  readonly peers: Labels;
}

export const createLabelSets = (methods: number, peers: number): LabelSets => ({
  methods: { sent: createLabels(methods), received: createLabels(methods) },
  peers: createLabels(peers),
});
