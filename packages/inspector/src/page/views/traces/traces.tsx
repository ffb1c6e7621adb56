import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { TraceSummary, TraceView } from "../../../feed/requests.js";
import { useApp, useModel } from "../../app.js";
import { shown } from "../../model/shown.js";
import { formatMs, formatNumber, formatTime, plural } from "../../parts/format.js";
import { Notice } from "../../parts/notice.js";
import { Empty, Panel } from "../../parts/panel.js";
import { State } from "../../parts/state.js";
import { Table } from "../../parts/table.js";
import { formatRoute } from "../../route.js";
import { WaterfallView } from "./waterfall.js";

const listed = 50;

export function Traces() {
  const { route } = useApp();
  const { item } = route.value;
  return (
    <>
      {item !== undefined && <OneTrace key={item} id={item} />}
      <Recent chosen={item} />
    </>
  );
}

function Recent({ chosen }: { readonly chosen: string | undefined }) {
  const app = useApp();
  const failedOnly = useSignal(false);
  const traces = useSignal<readonly TraceSummary[] | undefined>(undefined);
  const wrong = useSignal<string | undefined>(undefined);
  const id = useSignal("");
  const live = app.connection.value.state === "live";
  const load = async (): Promise<void> => {
    const answer = await app.ask("traces", { limit: listed, ...(failedOnly.value ? { failed: true } : {}) });
    wrong.value = answer.ok ? undefined : answer.message;
    if (answer.ok) traces.value = answer.value.traces.map((trace) => (trace.name === undefined ? trace : { ...trace, name: shown(trace.name) }));
  };
  useEffect(() => {
    if (live) void load();
  }, [failedOnly.value, live]);
  const find = (event: Event): void => {
    event.preventDefault();
    const wanted = id.value.trim().toLowerCase();
    if (/^[0-9a-f]{32}$/.test(wanted)) location.hash = formatRoute("traces", wanted);
    else wrong.value = "A trace id has 32 hexadecimal characters.";
  };
  return (
    <>
      <form class="toolbar" onSubmit={find}>
        <label class="field field-wide">
          <span>Trace id</span>
          <input type="search" class="mono" value={id.value} onInput={({ currentTarget }) => (id.value = currentTarget.value)} />
        </label>
        <button type="submit">Open</button>
        <label class="check">
          <input type="checkbox" checked={failedOnly.value} onChange={({ currentTarget }) => (failedOnly.value = currentTarget.checked)} />
          <span>Failed only</span>
        </label>
        <button type="button" onClick={load}>
          Read again
        </button>
      </form>
      {wrong.value !== undefined && <Notice tone="bad">{wrong.value}</Notice>}
      <Panel title="Recent traces" flush side={traces.value === undefined ? "" : plural(traces.value.length, "trace")}>
        {traces.value === undefined ? (
          <Empty title={wrong.value === undefined ? "Reading…" : "They cannot be read"} />
        ) : traces.value.length === 0 ? (
          <Empty title={failedOnly.value ? "No trace failed" : "No traces"}>
            Agents whose messages carry a trace context appear here: <code>createAgent({"{ tracer }"})</code> gives them one.
          </Empty>
        ) : (
          <Table<TraceSummary>
            caption="Recent traces"
            rows={traces.value}
            keyOf={({ id: key }) => key}
            isChosen={({ id: key }) => key === chosen}
            columns={[
              { name: "Began", cell: ({ at }) => <time class="number">{formatTime(at)}</time> },
              { name: "Trace", heading: true, cell: ({ id: key, name }) => <a href={formatRoute("traces", key)}>{name || `${key.slice(0, 12)}…`}</a> },
              { name: "Id", cell: ({ id: key }) => <code>{key.slice(0, 16)}…</code> },
              { name: "Spans", number: true, cell: ({ spans }) => formatNumber(spans) },
              { name: "Took", number: true, cell: ({ duration }) => formatMs(duration) },
              { name: "Outcome", cell: ({ failed, duration }) => <Outcome failed={failed} over={duration !== undefined} /> },
            ]}
          />
        )}
      </Panel>
    </>
  );
}

function Outcome({ failed, over }: { readonly failed: boolean; readonly over: boolean }) {
  if (failed) return <State tone="bad">failed</State>;
  return over ? <State tone="good">succeeded</State> : <State tone="info">goes on</State>;
}

function OneTrace({ id }: { readonly id: string }) {
  const app = useApp();
  const model = useModel();
  const trace = useSignal<TraceView | undefined>(undefined);
  const wrong = useSignal<string | undefined>(undefined);
  const load = async (): Promise<void> => {
    const answer = await app.ask("trace", { id });
    wrong.value = answer.ok ? undefined : answer.message;
    if (answer.ok) trace.value = { ...answer.value, spans: answer.value.spans.map((span) => ({ ...span, name: shown(span.name) })) };
  };
  useEffect(() => void load(), []);
  const value = trace.value;
  const side = (
    <span class="actions">
      <button type="button" class="small" onClick={load}>
        Read again
      </button>
      <a class="button small" href={formatRoute("traces")}>
        Close
      </a>
    </span>
  );
  return (
    <Panel title={`Trace ${id.slice(0, 12)}…`} side={side} flush>
      {wrong.value !== undefined && <Notice tone="bad">{wrong.value}</Notice>}
      {value !== undefined && value.spans.length > 0 ? (
        <WaterfallView trace={value} name={model.name} />
      ) : (
        wrong.value === undefined && <Empty title={value === undefined ? "Reading…" : "No span of this trace is kept"} />
      )}
    </Panel>
  );
}
