import { useSignal } from "@preact/signals";
import type { AgentView } from "../../../feed/types.js";
import { useApp, useModel } from "../../app.js";
import type { Edge } from "../../model/edges.js";
import type { Model } from "../../model/model.js";
import { formatBytes, formatMs, formatNumber, formatTime, orDash, plural, words } from "../../parts/format.js";
import { Empty, Figure, Figures, Panel } from "../../parts/panel.js";
import { State, toneOf } from "../../parts/state.js";
import { Table } from "../../parts/table.js";
import { Details } from "./details.js";
import { Graph, graphMost } from "./graph.js";
import { agentState, queued, suiteOf } from "./labels.js";

const rowsMost = 100;
const eventsShown = 30;

export function Overview() {
  const app = useApp();
  const model = useModel();
  const search = useSignal("");
  const agents = [...model.agents.values()];
  const edges = model.edges();
  if (agents.length === 0) {
    return (
      <Panel title="Graph">
        <Empty title="No agents yet">As soon as an agent that this inspector watches is there, it stands here with its links.</Empty>
      </Panel>
    );
  }
  const wanted = search.value.trim().toLowerCase();
  const fits = (...names: readonly string[]): boolean => wanted === "" || names.some((name) => name.toLowerCase().includes(wanted));
  const shownAgents = agents.filter(({ key }) => fits(model.name(key)));
  const shownEdges = edges.filter(({ from, to, state }) => fits(model.name(from), model.name(to), state));
  const inGraph = agents.slice(0, graphMost.agents);
  return (
    <>
      <Summary model={model} agents={agents} edges={edges} />
      <div class="split">
        <Panel title="Graph" flush side={<Legend />}>
          <Graph agents={inGraph} edges={edges.slice(0, graphMost.edges)} />
          {(agents.length > graphMost.agents || edges.length > graphMost.edges) && (
            <p class="table-more">
              {plural(Math.min(agents.length, graphMost.agents), "agent")} of {formatNumber(agents.length)} and{" "}
              {plural(Math.min(edges.length, graphMost.edges), "link")} of {formatNumber(edges.length)} are drawn; the tables have more.
            </p>
          )}
        </Panel>
        <Details />
      </div>
      <div class="toolbar">
        <label class="field">
          <span>Find an agent or a state</span>
          <input type="search" value={search.value} onInput={({ currentTarget }) => (search.value = currentTarget.value)} />
        </label>
      </div>
      <Panel title="Links" flush side={plural(shownEdges.length, "link")}>
        <LinkTable edges={shownEdges} model={model} choose={(key) => (app.selected.value = { kind: "edge", key })} chosen={app.selected.value?.key} />
      </Panel>
      <Panel title="Agents" flush side={plural(shownAgents.length, "agent")}>
        <AgentTable agents={shownAgents} model={model} choose={(key) => (app.selected.value = { kind: "agent", key })} chosen={app.selected.value?.key} />
      </Panel>
      <Panel title="What happened" flush side="the newest first">
        <Events model={model} />
      </Panel>
    </>
  );
}

function Summary({ model, agents, edges }: { readonly model: Model; readonly agents: readonly AgentView[]; readonly edges: readonly Edge[] }) {
  const point = model.points("").at(-1);
  const perSecond = (count: number): string => (point === undefined ? "–" : formatNumber(Math.round((count * 1_000) / point.span)));
  const notUp = edges.filter(({ state }) => state !== "up").length;
  const agentsDown = agents.filter(({ watched, state }) => watched !== "none" && state !== "up").length;
  const letters = agents.reduce((sum, { deadLetters }) => sum + (deadLetters?.count ?? 0), 0);
  const open = [...model.breakers.values()].filter(({ state }) => state !== "closed").length;
  return (
    <Figures>
      <Figure
        name="Agents"
        value={formatNumber(agents.length)}
        note={agentsDown > 0 ? `${agentsDown} not up` : "all up"}
        {...(agentsDown > 0 ? { tone: "bad" } : {})}
      />
      <Figure name="Links" value={formatNumber(edges.length)} note={notUp > 0 ? `${notUp} not up` : "all up"} {...(notUp > 0 ? { tone: "warn" } : {})} />
      <Figure name="Sent" value={perSecond(point?.sent ?? 0)} note="per second" />
      <Figure name="Failed" value={perSecond(point?.failed ?? 0)} note="per second" {...((point?.failed ?? 0) > 0 ? { tone: "bad" } : {})} />
      <Figure name="Answered, p95" value={formatMs(point?.latency?.p95)} />
      <Figure name="Dead letters" value={formatNumber(letters)} {...(letters > 0 ? { tone: "warn" } : {})} />
      <Figure name="Breakers open" value={formatNumber(open)} {...(open > 0 ? { tone: "warn" } : {})} />
    </Figures>
  );
}

const Legend = () => (
  <ul class="legend legend-graph">
    <li>
      <State tone="good">up</State>
    </li>
    <li>
      <State tone="warn">suspect</State>
    </li>
    <li>
      <State tone="bad">down</State>
    </li>
    <li>
      <State tone="idle">not watched, ended</State>
    </li>
  </ul>
);

interface ChoiceProps {
  readonly model: Model;
  readonly choose: (key: string) => void;
  readonly chosen: string | undefined;
}

const more = (count: number, name: string): string | undefined =>
  count > rowsMost ? `${formatNumber(rowsMost)} of ${plural(count, name)}: find the others by name.` : undefined;

function LinkTable({ edges, model, choose, chosen }: ChoiceProps & { readonly edges: readonly Edge[] }) {
  if (edges.length === 0) return <Empty title="No links">Agents link when one has something to say to another.</Empty>;
  return (
    <Table<Edge>
      caption="Links"
      rows={edges.slice(0, rowsMost)}
      keyOf={({ key }) => key}
      isChosen={({ key }) => key === chosen}
      more={more(edges.length, "link")}
      columns={[
        {
          name: "Link",
          heading: true,
          cell: ({ key, from, to }) => (
            <button type="button" class="link" onClick={() => choose(key)}>
              {model.name(from)} – {model.name(to)}
            </button>
          ),
        },
        { name: "State", cell: ({ state }) => <State tone={toneOf(state)}>{state}</State> },
        { name: "Transport", cell: ({ views }) => orDash(views[0]?.transport) },
        { name: "Suite", cell: ({ views }) => suiteOf(views[0]) },
        { name: "Round trip", number: true, cell: ({ views }) => formatMs(views[0]?.roundTrip) },
        { name: "Epoch", number: true, cell: ({ views }) => (views[0]?.epoch === undefined ? "–" : `${views[0].epoch.send} / ${views[0].epoch.receive}`) },
        { name: "Queued", number: true, cell: ({ views }) => formatNumber(views.reduce((sum, view) => sum + queued(view), 0)) },
        { name: "In flight", number: true, cell: ({ views }) => formatBytes(views.reduce((sum, { inFlight }) => sum + inFlight.bytes, 0)) },
      ]}
    />
  );
}

function AgentTable({ agents, model, choose, chosen }: ChoiceProps & { readonly agents: readonly AgentView[] }) {
  return (
    <Table<AgentView>
      caption="Agents"
      rows={agents.slice(0, rowsMost)}
      keyOf={({ key }) => key}
      isChosen={({ key }) => key === chosen}
      more={more(agents.length, "agent")}
      columns={[
        {
          name: "Agent",
          heading: true,
          cell: ({ key }) => (
            <button type="button" class="link" onClick={() => choose(key)}>
              {model.name(key)}
            </button>
          ),
        },
        { name: "State", cell: (agent) => <State tone={agent.watched === "none" ? "idle" : toneOf(agent.state)}>{agentState(agent)}</State> },
        { name: "Transport", cell: ({ transport }) => orDash(transport) },
        { name: "Running", number: true, cell: ({ calls }) => (calls === undefined ? "–" : formatNumber(calls.running)) },
        { name: "Waiting", number: true, cell: ({ calls }) => (calls === undefined ? "–" : formatNumber(calls.waiting)) },
        { name: "Memory", number: true, cell: ({ memory }) => formatBytes(memory?.used) },
        { name: "Durable", number: true, cell: ({ durable }) => (durable === undefined ? "–" : formatNumber(durable.count)) },
        { name: "Dead letters", number: true, cell: ({ deadLetters }) => (deadLetters === undefined ? "–" : formatNumber(deadLetters.count)) },
      ]}
    />
  );
}

function Events({ model }: { readonly model: Model }) {
  const events = model.events.list().slice(-eventsShown).toReversed();
  if (events.length === 0) return <Empty title="Nothing yet">Links that come and go, new keys, retries and breakers are told here.</Empty>;
  return (
    <Table
      caption="What happened"
      rows={events}
      keyOf={({ key }) => String(key)}
      columns={[
        { name: "Time", cell: ({ at }) => <time>{formatTime(at)}</time> },
        { name: "Agent", heading: true, cell: ({ agent }) => model.name(agent) },
        { name: "What", cell: ({ kind, what }) => `${kind} ${words(what)}` },
        { name: "Peer", cell: ({ peer }) => (peer === undefined ? "–" : model.name(peer)) },
        { name: "More", cell: ({ method, code, detail }) => [method, code, detail].filter((part) => part !== undefined).join(", ") || "–" },
      ]}
    />
  );
}
