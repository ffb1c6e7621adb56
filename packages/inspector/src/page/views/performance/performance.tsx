import { useSignal } from "@preact/signals";
import type { RatePoint } from "../../../feed/types.js";
import { useModel } from "../../app.js";
import { type RouteRow, routesOf } from "../../model/routes.js";
import { seriesOf } from "../../model/series.js";
import { formatBytes, formatMs, formatNumber, formatTime, plural } from "../../parts/format.js";
import { Empty, Figure, Figures, Panel } from "../../parts/panel.js";
import { Plot } from "../../parts/plot.js";
import { Table } from "../../parts/table.js";
import { Histogram } from "./histogram.js";

const traffic = [
  { name: "sent", color: "--series-1", fill: true },
  { name: "received", color: "--series-2" },
  { name: "failed", color: "--series-3", dash: [4, 3] },
] as const;
const bytes = [
  { name: "sent", color: "--series-1", fill: true },
  { name: "received", color: "--series-2" },
] as const;
const latencies = [
  { name: "p50", color: "--series-2" },
  { name: "p95", color: "--series-1", dash: [6, 2] },
  { name: "p99", color: "--series-4", dash: [2, 2] },
] as const;
const rowsShown = 20;
const perSecond = (value: number): string => `${formatNumber(Math.round(value * 10) / 10)}/s`;

export function Performance() {
  const model = useModel();
  const agent = useSignal("");
  const points = model.points(agent.value).list();
  const watched = [...model.agents.values()].filter(({ watched: how }) => how !== "none");
  const last = points.at(-1);
  return (
    <>
      <div class="toolbar">
        <label class="field">
          <span>Agent</span>
          <select value={agent.value} onChange={({ currentTarget }) => (agent.value = currentTarget.value)}>
            <option value="">All together</option>
            {watched.map(({ key }) => (
              <option key={key} value={key}>
                {model.name(key)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {last === undefined ? (
        <Panel title="Throughput">
          <Empty title="No figures yet">There is one for each second, and the first comes within two.</Empty>
        </Panel>
      ) : (
        <>
          <Now point={last} />
          <div class="plots">
            <Panel title="Messages">
              <Plot title="Messages a second" series={traffic} format={perSecond} data={seriesOf(points, "sent", "received", "failed")} />
            </Panel>
            <Panel title="Latency">
              <Plot title="Requests, queued to answered" series={latencies} format={formatMs} data={seriesOf(points, "p50", "p95", "p99")} />
            </Panel>
            <Panel title="Bytes">
              <Plot title="Bytes a second" series={bytes} format={formatBytes} binary data={seriesOf(points, "bytesSent", "bytesReceived")} />
            </Panel>
            <Panel title="Distribution" side={`last ${plural(points.length, "second")}`}>
              <Histogram points={points} bounds={model.about?.latencyBounds ?? []} />
            </Panel>
          </div>
          <Panel title="The same in figures" flush side={`newest ${Math.min(rowsShown, points.length)} s`}>
            <PointTable points={points.slice(-rowsShown).toReversed()} />
          </Panel>
        </>
      )}
      <Routes />
    </>
  );
}

const Now = ({ point }: { readonly point: RatePoint }) => {
  const rate = (count: number): number => (count * 1_000) / point.span;
  return (
    <Figures>
      <Figure name="Sent" value={perSecond(rate(point.sent))} />
      <Figure name="Received" value={perSecond(rate(point.received))} />
      <Figure name="Failed" value={perSecond(rate(point.failed))} {...(point.failed > 0 ? { tone: "bad" } : {})} />
      <Figure name="Latency p50" value={formatMs(point.latency?.p50)} />
      <Figure name="Latency p95" value={formatMs(point.latency?.p95)} />
      <Figure name="Latency p99" value={formatMs(point.latency?.p99)} />
      <Figure name="Longest" value={formatMs(point.latency?.max)} />
    </Figures>
  );
};

const PointTable = ({ points }: { readonly points: readonly RatePoint[] }) => (
  <Table<RatePoint>
    caption="Throughput and latency by second"
    rows={points}
    keyOf={({ at }) => String(at)}
    columns={[
      { name: "Time", heading: true, cell: ({ at }) => <time>{formatTime(at)}</time> },
      { name: "Sent", number: true, cell: ({ sent }) => formatNumber(sent) },
      { name: "Received", number: true, cell: ({ received }) => formatNumber(received) },
      { name: "Failed", number: true, cell: ({ failed }) => formatNumber(failed) },
      { name: "Bytes out", number: true, cell: ({ bytesSent }) => formatBytes(bytesSent) },
      { name: "Bytes in", number: true, cell: ({ bytesReceived }) => formatBytes(bytesReceived) },
      { name: "p50", number: true, cell: ({ latency }) => formatMs(latency?.p50) },
      { name: "p95", number: true, cell: ({ latency }) => formatMs(latency?.p95) },
      { name: "p99", number: true, cell: ({ latency }) => formatMs(latency?.p99) },
    ]}
  />
);

function Routes() {
  const model = useModel();
  const { messages } = model.conversations;
  const routes = routesOf(messages, model.name);
  return (
    <Panel title="Routes" flush side={`from the newest ${plural(messages.length, "message")}`}>
      {routes.length === 0 ? (
        <Empty title="No routes yet">Who asks whom for what, as soon as somebody does.</Empty>
      ) : (
        <Table<RouteRow>
          caption="Routes"
          rows={routes}
          keyOf={({ key }) => key}
          more={model.dropped > 0 ? "A sample: not every message is told one by one. The plots count them all." : undefined}
          columns={[
            { name: "Route", heading: true, cell: ({ from, to }) => `${from} → ${to}` },
            { name: "Method or topic", cell: ({ name }) => name },
            { name: "Messages", number: true, cell: ({ count }) => formatNumber(count) },
            {
              name: "Failed",
              number: true,
              cell: ({ failed, count }) =>
                failed === 0 ? "0" : <span class="text-bad">{`${formatNumber(failed)} (${formatNumber(Math.round((failed / count) * 100))} %)`}</span>,
            },
            { name: "Mean size", number: true, cell: ({ bytes: total, count }) => formatBytes(total / count) },
            { name: "p50", number: true, cell: ({ p50 }) => formatMs(p50) },
            { name: "p95", number: true, cell: ({ p95 }) => formatMs(p95) },
          ]}
        />
      )}
    </Panel>
  );
}
