import type { SpanView } from "../../feed/requests.js";

/** A span in its place: how deep it is, and where its bar is, in parts of the whole (0 to 1). */
export interface WaterfallRow {
  readonly span: SpanView;
  readonly depth: number;
  readonly left: number;
  readonly width: number;
  /** ms after the trace's beginning. */
  readonly offset: number;
  readonly stages: readonly { readonly what: string; readonly left: number; readonly offset: number }[];
}

export interface Waterfall {
  /** Parents before their children, which follow in the order of their beginning. */
  readonly rows: readonly WaterfallRow[];
  readonly start: number;
  /** ms. */
  readonly total: number;
  readonly failed: number;
}

/** Shown deeper than this, a span stays at it: what peers say of parents is bounded by nothing else. */
export const depthMost = 24;

/**
 * A span whose parent is not there, is itself, or is its own descendant, stands at the top: every span is in the result exactly once, whatever
 * parents they name. What goes on reaches to the end.
 */
export function layOut(spans: readonly SpanView[]): Waterfall {
  const start = Math.min(...spans.map(({ at }) => at));
  const end = Math.max(...spans.map(({ at, duration = 0, stages }) => Math.max(at + duration, ...stages.map((stage) => stage.at))));
  const total = spans.length === 0 ? 0 : Math.max(0, end - start);
  const part = (ms: number): number => (total === 0 ? 0 : Math.min(1, Math.max(0, ms / total)));
  const sorted = [...spans].sort((a, b) => a.at - b.at);
  const byId = new Map<string, SpanView>();
  for (const span of sorted) if (!byId.has(span.id)) byId.set(span.id, span);
  const children = new Map<string, SpanView[]>();
  const tops: SpanView[] = [];
  for (const span of sorted) {
    const parent = span.parent === undefined ? undefined : byId.get(span.parent);
    if (parent === undefined || parent === span || byId.get(span.id) !== span) tops.push(span);
    else children.set(parent.id, [...(children.get(parent.id) ?? []), span]);
  }
  const rows: WaterfallRow[] = [];
  const seen = new Set<SpanView>();
  const place = (from: SpanView): void => {
    const stack = [{ span: from, depth: 0 }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { span, depth } = next;
      if (seen.has(span)) continue;
      seen.add(span);
      const left = part(span.at - start);
      rows.push({
        span,
        depth: Math.min(depth, depthMost),
        left,
        width: span.duration === undefined ? 1 - left : Math.min(1 - left, part(span.duration)),
        offset: span.at - start,
        stages: span.stages.map(({ what, at }) => ({ what, left: part(at - start), offset: at - start })),
      });
      if (byId.get(span.id) === span) for (const child of (children.get(span.id) ?? []).toReversed()) stack.push({ span: child, depth: depth + 1 });
    }
  };
  for (const span of tops) place(span);
  for (const span of sorted) place(span);
  return { rows, start: spans.length === 0 ? 0 : start, total, failed: spans.filter(({ code }) => code !== undefined).length };
}
