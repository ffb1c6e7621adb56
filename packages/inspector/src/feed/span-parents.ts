import type { SpanView } from "./requests.js";

/**
 * The spans of one trace in the order of their beginning. One that names no parent, as without a tracer's word for it, or names one that is not
 * there, has the handler for its parent that its agent had begun last: it is in the same trace because that handler passed it on.
 */
export function inOrder(spans: readonly SpanView[]): SpanView[] {
  const known = new Set(spans.map(({ id }) => id));
  const begun = new Map<string, SpanView>();
  const parents = new Map<string, string>();
  // Within one millisecond handlers begin before what they send.
  for (const span of sorted(spans, ({ side }) => (side === "receiver" ? 0 : 1))) {
    const { id, parent, side, agent } = span;
    const named = parent !== undefined && parent !== id && known.has(parent) ? parent : undefined;
    const found = named ?? (side === "sender" ? begun.get(agent)?.id : undefined);
    if (found !== undefined) parents.set(id, found);
    if (side === "receiver") begun.set(agent, span);
  }
  const depths = new Map<string, number>();
  for (const { id } of spans) depths.set(id, depthOf(id, parents, spans.length));
  return sorted(spans, ({ id }) => depths.get(id) ?? 0).map(({ parent: _claimed, ...span }) => {
    const parent = parents.get(span.id);
    return parent === undefined ? span : { ...span, parent };
  });
}

const sorted = (spans: readonly SpanView[], rank: (span: SpanView) => number): SpanView[] =>
  [...spans].sort((one, other) => one.at - other.at || rank(one) - rank(other));

/** Parents are what agents say: they may go round. */
function depthOf(id: string, parents: ReadonlyMap<string, string>, most: number): number {
  let depth = 0;
  for (let at = parents.get(id); at !== undefined && depth < most; at = parents.get(at)) depth += 1;
  return depth;
}
