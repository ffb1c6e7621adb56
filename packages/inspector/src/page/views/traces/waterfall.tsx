import { useMemo } from "preact/hooks";
import type { TraceView } from "../../../feed/requests.js";
import { layOut, type WaterfallRow } from "../../model/waterfall.js";
import { formatMs, formatTimeMs, plural, words } from "../../parts/format.js";
import { Notice } from "../../parts/notice.js";
import { ScrollBox } from "../../parts/scroll-box.js";
import { Shape } from "../../parts/state.js";

const ticks = [0, 0.25, 0.5, 0.75, 1] as const;

/** One trace end to end: a row for each span, its bar where and as long as it was. */
export function WaterfallView({ trace, name }: { readonly trace: TraceView; readonly name: (key: string) => string }) {
  const { rows, start, total, failed } = useMemo(() => layOut(trace.spans), [trace]);
  const agents = new Set(trace.spans.map(({ agent }) => agent)).size;
  return (
    <>
      <p class="waterfall-summary">
        <span>{formatTimeMs(start)}</span>
        <span>
          <b class="number">{formatMs(total)}</b> in all
        </span>
        <span>{plural(rows.length, "span")}</span>
        <span>{plural(agents, "agent")}</span>
        <span class={failed > 0 ? "text-bad" : ""}>{failed > 0 ? `${failed} failed` : "none failed"}</span>
        <code class="wrap">{trace.id}</code>
      </p>
      {(trace.from === "messages" || trace.cut) && (
        <Notice tone="warn">
          {trace.from === "messages" ? "Put together from messages that are still in memory: spans may be missing." : "Only the first spans are shown."}
        </Notice>
      )}
      <ScrollBox class="table-box" name="Spans">
        <table class="waterfall">
          <caption class="unseen">Spans, parents before their children</caption>
          <thead>
            <tr>
              <th scope="col">Span</th>
              <th scope="col">Agent</th>
              <th scope="col" class="waterfall-time">
                <span class="unseen">Time</span>
                <span class="waterfall-ticks number" aria-hidden="true">
                  {ticks.map((part) => (
                    <span key={part}>{formatMs(total * part)}</span>
                  ))}
                </span>
              </th>
              <th scope="col" class="number">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={`${row.span.id} ${row.span.side} ${row.span.message}`} row={row} name={name} />
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </>
  );
}

const indentMost = 8;

function Row({ row: { span, depth, left, width, offset, stages }, name }: { readonly row: WaterfallRow; readonly name: (key: string) => string }) {
  const receiver = span.side === "receiver";
  const tone = span.code !== undefined ? "bad" : receiver ? "handled" : "sent";
  return (
    <tr>
      <th scope="row" class={`waterfall-name indent-${Math.min(depth, indentMost)}`}>
        {span.code !== undefined && <Shape tone="bad" />}
        <span class="wrap">{span.name}</span> <span class="tag">{receiver ? "handles" : span.type}</span>
        {span.code !== undefined && <span class="text-bad"> {words(span.code)}</span>}
      </th>
      <td>{name(span.agent)}</td>
      <td class="waterfall-time">
        <svg class={`span span-${tone}`} width="100%" height="22" aria-hidden="true">
          {ticks.map((part) => (
            <line key={part} class="span-tick" x1={`${part * 100}%`} x2={`${part * 100}%`} y1="0" y2="22" />
          ))}
          <rect
            class={span.duration === undefined ? "span-open" : "span-bar"}
            x={`${left * 100}%`}
            width={`${Math.max(0.4, width * 100)}%`}
            y="6"
            height="10"
            rx="2"
          />
          {stages.map((stage) => (
            <line key={`${stage.what} ${stage.offset}`} class="span-stage" x1={`${stage.left * 100}%`} x2={`${stage.left * 100}%`} y1="3" y2="19">
              <title>{`${words(stage.what)} after ${formatMs(stage.offset)}`}</title>
            </line>
          ))}
        </svg>
        <span class="unseen">
          from {formatMs(offset)}
          {stages.map((stage) => `, ${words(stage.what)} at ${formatMs(stage.offset)}`).join("")}
        </span>
      </td>
      <td class="number">{span.duration === undefined ? "goes on" : formatMs(span.duration)}</td>
    </tr>
  );
}
