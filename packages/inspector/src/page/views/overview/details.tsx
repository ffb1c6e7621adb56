import type { LinkView } from "../../../feed/types.js";
import { useApp, useModel } from "../../app.js";
import type { Edge } from "../../model/edges.js";
import type { Model } from "../../model/model.js";
import { Bar } from "../../parts/bar.js";
import { formatBytes, formatMs, formatNumber, orDash, words } from "../../parts/format.js";
import { Empty, Facts, Panel } from "../../parts/panel.js";
import { State, toneOf } from "../../parts/state.js";
import { agentState } from "./labels.js";

/** Of what is chosen in the picture or in a table. */
export function Details() {
  const app = useApp();
  const model = useModel();
  const chosen = app.selected.value;
  const close = (
    <button type="button" class="small" onClick={() => (app.selected.value = undefined)}>
      Close
    </button>
  );
  if (chosen === undefined) {
    return (
      <Panel title="Details">
        <Empty title="Nothing chosen">Choose an agent or a link in the graph or in the tables below to see its session, its queues and its credit.</Empty>
      </Panel>
    );
  }
  if (chosen.kind === "agent") {
    return (
      <Panel title={model.name(chosen.key)} side={close} class="details">
        <AgentDetails id={chosen.key} model={model} />
      </Panel>
    );
  }
  const edge = model.edges().find(({ key }) => key === chosen.key);
  return (
    <Panel title={edge === undefined ? "Link" : `${model.name(edge.from)} – ${model.name(edge.to)}`} side={close} class="details">
      {edge === undefined ? (
        <Empty title="This link is there no more" />
      ) : (
        edge.views.map((view) => <LinkDetails key={view.key} view={view} model={model} edge={edge} />)
      )}
    </Panel>
  );
}

function LinkDetails({ view, model, edge }: { readonly view: LinkView; readonly model: Model; readonly edge: Edge }) {
  const { inFlight, credit, queue, epoch, suite } = view;
  const peerId = model.agents.get(view.to)?.id;
  const breakers = [...model.breakers.values()].filter(({ agent, peer }) => agent === view.from && peer === peerId);
  return (
    <div class="details-part">
      <h3>{edge.views.length > 1 ? `As ${model.name(view.from)} sees it` : `Seen by ${model.name(view.from)}`}</h3>
      <Facts
        rows={[
          ["State", <State tone={toneOf(view.state)}>{view.state}</State>],
          ["Transport", orDash(view.transport)],
          ["Suite", suite === undefined ? "no session now" : suite.name],
          ["Round trip", formatMs(view.roundTrip)],
          ["Keys", `generation ${view.generation}${epoch === undefined ? "" : `, epoch ${epoch.send} out, ${epoch.receive} in`}`],
          [`Key of ${model.name(view.to)}`, <code class="wrap">{view.thumbprint}</code>],
          ["Vouched for by", <span class="wrap">{view.issuer}</span>],
          ["Waits for the peer", formatNumber(view.awaited)],
          ["Queue", <QueueList queue={queue} />],
          [
            "In flight",
            <Bar
              value={inFlight.bytes}
              most={inFlight.limit}
              text={`${formatNumber(inFlight.messages)}, ${formatBytes(inFlight.bytes)} of ${formatBytes(inFlight.limit)}`}
            />,
          ],
          ["Credit", `${formatNumber(credit.messages)} messages, ${formatBytes(credit.bytes)}`],
          [
            "Breakers",
            breakers.length === 0 ? (
              "none"
            ) : (
              <ul class="plain">
                {breakers.map(({ key, method, state }) => (
                  <li key={key}>
                    <State tone={state === "closed" ? "good" : toneOf(state)}>
                      <span class="wrap">{method}</span>: {words(state)}
                    </State>
                  </li>
                ))}
              </ul>
            ),
          ],
        ]}
      />
    </div>
  );
}

const QueueList = ({ queue }: { readonly queue: LinkView["queue"] }) => (
  <span>
    critical {formatNumber(queue.critical)}, high {formatNumber(queue.high)}, normal {formatNumber(queue.normal)}, low {formatNumber(queue.low)}
  </span>
);

function AgentDetails({ id, model }: { readonly id: string; readonly model: Model }) {
  const agent = model.agents.get(id);
  if (agent === undefined) return <Empty title="This agent is there no more" />;
  const links = model.edges().filter(({ from, to }) => from === id || to === id);
  const { calls, streams, memory, deadLetters, durable } = agent;
  return (
    <Facts
      rows={[
        ["State", <State tone={agent.watched === "none" ? "idle" : toneOf(agent.state)}>{agentState(agent)}</State>],
        ["Watched", { local: "in this process", remote: "over Tightbeam", none: "no: seen through its peers only" }[agent.watched]],
        ["Agent id", <span class="wrap">{agent.id}</span>],
        ["Instance", <code class="wrap">{agent.instance}</code>],
        ["Transport", orDash(agent.transport)],
        ["Links", `${links.length}, ${links.filter(({ state }) => state === "up").length} up`],
        ["Calls", calls === undefined ? "–" : `${calls.waiting} waiting, ${calls.running} running, ${calls.queued} queued, ${calls.late} late`],
        ["Streams", streams === undefined ? "–" : `${streams.opened} opened, ${streams.served} served`],
        [
          "Memory",
          memory === undefined ? "–" : <Bar value={memory.used} most={memory.most} text={`${formatBytes(memory.used)} of ${formatBytes(memory.most)}`} />,
        ],
        ["Durable backlog", durable === undefined ? "–" : `${formatNumber(durable.count)}, ${formatBytes(durable.bytes)}`],
        ["Dead letters", deadLetters === undefined ? "keeps none" : `${formatNumber(deadLetters.count)}, ${formatBytes(deadLetters.bytes)}`],
      ]}
    />
  );
}
