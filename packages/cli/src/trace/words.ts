import type { Trace, TraceCall, TraceSummary } from "@tightbeam/core/observability";
import { spoken } from "../numbers.js";
import type { Human } from "../output.js";
import { oneLine } from "../printable.js";
import type { LiveCall } from "./live.js";

const clock = (at: number): string => new Date(at).toISOString().slice(11, 23);

/** One line about a message that came to an end. */
export const liveLine = ({ agent, message }: LiveCall): Human => {
  const { direction, peer, type, name = type, bytes, duration, code, trace, stages } = message;
  const other = peer.slice(0, peer.lastIndexOf("/"));
  const [from, to] = direction === "sent" ? [agent, other] : [other, agent];
  const took = duration === undefined ? "" : `  ${spoken(duration)}`;
  const text = oneLine(`${clock(stages.at(-1)?.at ?? 0)}  ${from} → ${to}  ${type} ${name}  ${bytes} B${took}`);
  const traced = trace === undefined ? "" : `  ${trace.traceId}`;
  return ({ red, dim }) => `${text}${code === undefined ? "" : `  ${red(code)}`}${dim(traced)}`;
};

export const summaryLine = ({ traceId, status, startedAt, lastAt, calls, failed, first }: TraceSummary): Human => {
  const text = oneLine(
    `${clock(startedAt)}  ${traceId}  ${first.from.id} → ${first.to.id}  ${first.method ?? first.type}  ${calls} ${calls === 1 ? "call" : "calls"}, ${spoken(lastAt - startedAt)}`,
  );
  return ({ red, dim }) => `${text}  ${failed > 0 ? red(`${failed} failed`) : dim(status)}`;
};

/** A trace as a tree: each call below the one whose handler sent it. */
export function treeOf({ traceId, status, calls, more }: Trace): Human {
  const known = new Set(calls.map(({ id }) => id));
  const under = (parent: string | undefined): readonly TraceCall[] =>
    calls.filter((call) => (parent === undefined ? call.parent === undefined || !known.has(call.parent) : call.parent === parent));
  return ({ bold, red, dim }) => {
    const lines = [bold(`${traceId}  ${status}`)];
    const draw = (call: TraceCall, depth: number): void => {
      const { from, to, method, type, duration, code, startedAt, stages, clockDifference } = call;
      const indent = "  ".repeat(Math.min(depth, 20) + 1);
      const took = duration === undefined ? "" : `  ${spoken(duration)}`;
      lines.push(
        `${indent}${oneLine(`${clock(startedAt)}  ${from.id} → ${to.id}  ${type} ${method ?? ""}${took}`)}${code === undefined ? "" : `  ${red(code)}`}`,
      );
      if (stages.length > 0)
        lines.push(
          dim(
            `${indent}  ${stages.map(({ stage, side, at }) => `${stage}${side === "to" ? "'" : ""} +${at - startedAt}`).join("  ")}${clockDifference === undefined ? "" : `  (' is ${clockDifference} ms ahead)`}`,
          ),
        );
      for (const child of under(call.id)) if (child.id !== call.id && depth < 64) draw(child, depth + 1);
    };
    for (const call of under(undefined)) draw(call, 0);
    if (more > 0) lines.push(dim(`  and ${more} more calls`));
    return lines;
  };
}
