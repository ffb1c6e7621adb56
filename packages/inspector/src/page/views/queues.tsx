import { useSignal } from "@preact/signals";
import type { BreakerView, LinkView } from "../../feed/types.js";
import { useModel } from "../app.js";
import { seriesOf } from "../model/series.js";
import { Bar } from "../parts/bar.js";
import { formatAgo, formatBytes, formatNumber, plural, words } from "../parts/format.js";
import { Empty, Figure, Figures, Panel } from "../parts/panel.js";
import { Plot } from "../parts/plot.js";
import { State, toneOf } from "../parts/state.js";
import { Table } from "../parts/table.js";
import { queued } from "./overview/labels.js";

const priorities = ["critical", "high", "normal", "low"] as const;
const lines = [
  { name: "critical", color: "--series-3" },
  { name: "high", color: "--series-4", dash: [6, 2] },
  { name: "normal", color: "--series-1" },
  { name: "low", color: "--series-2", dash: [2, 2] },
] as const;
const rowsMost = 100;

export function Queues() {
  const model = useModel();
  const busyOnly = useSignal(false);
  const links = [...model.links.values()];
  const points = model.points("").list();
  const total = (read: (link: LinkView) => number): number => links.reduce((sum, link) => sum + read(link), 0);
  const rows = links
    .filter((link) => !busyOnly.value || queued(link) > 0 || link.inFlight.messages > 0)
    .sort((a, b) => queued(b) - queued(a) || b.inFlight.bytes - a.inFlight.bytes || (a.key < b.key ? -1 : 1));
  const breakers = [...model.breakers.values()].sort((a, b) => Number(a.state === "closed") - Number(b.state === "closed") || b.at - a.at);
  return (
    <>
      <Figures>
        {priorities.map((priority) => (
          <Figure key={priority} name={`Queued, ${priority}`} value={formatNumber(total(({ queue }) => queue[priority]))} />
        ))}
        <Figure name="In flight" value={formatNumber(total(({ inFlight }) => inFlight.messages))} note={formatBytes(total(({ inFlight }) => inFlight.bytes))} />
        <Figure name="Waiting for peers" value={formatNumber(total(({ awaited }) => awaited))} note="requests and streams" />
      </Figures>
      <Panel title="Depth over time">
        {points.length === 0 ? (
          <Empty title="No figures yet" />
        ) : (
          <Plot title="Messages that wait, by priority" series={lines} format={formatNumber} height={160} data={seriesOf(points, ...priorities)} />
        )}
      </Panel>
      <div class="toolbar">
        <label class="check">
          <input type="checkbox" checked={busyOnly.value} onChange={({ currentTarget }) => (busyOnly.value = currentTarget.checked)} />
          <span>Only links where something waits</span>
        </label>
      </div>
      <Panel title="Links" flush side={plural(rows.length, "direction")}>
        {rows.length === 0 ? <Empty title={links.length === 0 ? "No links" : "Nothing waits anywhere"} /> : <LinkTable rows={rows} />}
      </Panel>
      <Panel title="Breakers" flush side={plural(breakers.length, "breaker")}>
        {breakers.length === 0 ? (
          <Empty title="No breaker has moved">A circuit breaker appears here when it opens, and stays with what became of it.</Empty>
        ) : (
          <BreakerTable rows={breakers.slice(0, rowsMost)} />
        )}
      </Panel>
    </>
  );
}

function LinkTable({ rows }: { readonly rows: readonly LinkView[] }) {
  const model = useModel();
  return (
    <Table<LinkView>
      caption="Queues, windows and credit by link"
      rows={rows.slice(0, rowsMost)}
      keyOf={({ key }) => key}
      more={rows.length > rowsMost ? `The busiest ${rowsMost} of ${formatNumber(rows.length)}.` : undefined}
      columns={[
        { name: "Link", heading: true, cell: ({ from, to }) => `${model.name(from)} → ${model.name(to)}` },
        { name: "State", cell: ({ state }) => <State tone={toneOf(state)}>{state}</State> },
        ...priorities.map((priority) => ({
          name: `${priority[0]?.toUpperCase()}${priority.slice(1)}`,
          number: true,
          cell: ({ queue }: LinkView) => <span class={queue[priority] === 0 ? "zero" : ""}>{formatNumber(queue[priority])}</span>,
        })),
        {
          name: "In flight of window",
          cell: ({ inFlight }) => <Bar value={inFlight.bytes} most={inFlight.limit} text={`${formatBytes(inFlight.bytes)} / ${formatBytes(inFlight.limit)}`} />,
        },
        { name: "Messages in flight", number: true, cell: ({ inFlight }) => formatNumber(inFlight.messages) },
        {
          name: "Credit",
          number: true,
          cell: ({ credit }) => <span class={credit.messages === 0 ? "text-bad" : ""}>{`${formatNumber(credit.messages)}, ${formatBytes(credit.bytes)}`}</span>,
        },
        { name: "Awaited", number: true, cell: ({ awaited }) => formatNumber(awaited) },
      ]}
    />
  );
}

function BreakerTable({ rows }: { readonly rows: readonly BreakerView[] }) {
  const model = useModel();
  const now = model.points("").at(-1)?.at ?? rows[0]?.at ?? 0;
  return (
    <Table<BreakerView>
      caption="Circuit breakers"
      rows={rows}
      keyOf={({ key }) => key}
      columns={[
        { name: "Agent", heading: true, cell: ({ agent }) => model.name(agent) },
        { name: "For", cell: ({ peer }) => peer },
        { name: "Method", cell: ({ method }) => method },
        { name: "State", cell: ({ state }) => <State tone={state === "closed" ? "good" : toneOf(state)}>{words(state)}</State> },
        { name: "Since", number: true, cell: ({ at }) => formatAgo(at, now) },
      ]}
    />
  );
}
