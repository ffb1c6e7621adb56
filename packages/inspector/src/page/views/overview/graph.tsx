import { useEffect, useMemo, useRef } from "preact/hooks";
import type { AgentView } from "../../../feed/types.js";
import { useApp, useModel } from "../../app.js";
import type { Edge } from "../../model/edges.js";
import { toneOf } from "../../parts/state.js";
import { drawGraph } from "./draw.js";
import { agentLabel, edgeLabel } from "./labels.js";
import { createLayout } from "./layout.js";

export const graphMost = { agents: 150, edges: 600 } as const;
/** With more agents, only the names of chosen ones are shown. */
const namesMost = 48;
const nameMost = 18;

interface GraphProps {
  readonly agents: readonly AgentView[];
  readonly edges: readonly Edge[];
}

/** The picture. Who cannot see it has the tables below, which say the same; by keyboard it is one stop, and the arrow keys go through it. */
export function Graph({ agents, edges }: GraphProps) {
  const app = useApp();
  const model = useModel();
  const svg = useRef<SVGSVGElement>(null);
  const layout = useMemo(() => createLayout(() => aspectOf(svg.current)), []);
  const chosen = app.selected.value;
  const near = nearOf(chosen, edges);
  const shape = agents.map(({ key }) => key).join("\n") + edges.map(({ key }) => key).join("\n");

  useEffect(() => {
    layout.update(
      agents.map(({ key }) => key),
      edges.map(({ from, to }) => [from, to]),
    );
    return svg.current === null ? undefined : drawGraph(svg.current, layout);
  }, [shape]);

  const items = [...agents.map(({ key }) => ({ kind: "agent", key }) as const), ...edges.map(({ key }) => ({ kind: "edge", key }) as const)];
  const place = Math.max(
    0,
    items.findIndex(({ kind, key }) => kind === chosen?.kind && key === chosen.key),
  );
  const stop = items[place];
  const choose = (item: (typeof items)[number] | undefined, focus: boolean): void => {
    if (item === undefined) return;
    app.selected.value = item;
    if (focus) svg.current?.querySelector<SVGElement>(`[data-${item.kind}="${CSS.escape(item.key)}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = step !== undefined ? (place + step + items.length) % items.length : { Home: 0, End: items.length - 1 }[event.key];
    if (next === undefined && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(items[next ?? place], true);
  };
  const common = (item: (typeof items)[number]) => ({
    role: "button" as const,
    // In a drawing attributes are as they are written: the property of HTML elements does nothing.
    tabindex: item.kind === stop?.kind && item.key === stop.key ? 0 : -1,
    "aria-pressed": item.kind === chosen?.kind && item.key === chosen.key,
    onClick: () => choose(item, false),
  });

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a drawing.
    <svg ref={svg} class="graph" role="group" aria-label="Agents and links. Arrow keys go from one to the next." onKeyDown={onKeyDown}>
      {edges.map((edge) => (
        <g
          key={edge.key}
          data-edge={edge.key}
          data-from={edge.from}
          data-to={edge.to}
          class={`edge edge-${edge.state} ${near === undefined || near.has(edge.key) ? "" : "far"}`}
          aria-label={edgeLabel(edge, model)}
          {...common({ kind: "edge", key: edge.key })}
        >
          <line class="edge-target" />
          <line class="edge-line" />
          <Sign state={edge.state} />
        </g>
      ))}
      {agents.map((agent) => {
        const named = agents.length <= namesMost || near?.has(agent.key) === true;
        const name = model.name(agent.key);
        return (
          <g
            key={agent.key}
            data-agent={agent.key}
            class={`node node-${agent.watched} tone-${nodeTone(agent)} ${near === undefined || near.has(agent.key) ? "" : "far"}`}
            aria-label={agentLabel(agent, model)}
            {...common({ kind: "agent", key: agent.key })}
          >
            <circle class="node-target" r="18" />
            {agent.state === "up" || agent.watched === "none" ? (
              <circle class="node-shape" r="9" />
            ) : (
              <rect class="node-shape" x="-8.5" y="-8.5" width="17" height="17" rx="3" />
            )}
            {agent.watched !== "none" && agent.state !== "up" && <path class="node-sign" d="M-3.5-3.5 3.5 3.5M3.5-3.5-3.5 3.5" />}
            {named && (
              <text class="node-name" y="24" text-anchor="middle">
                {name.length > nameMost ? `${name.slice(0, nameMost - 1)}…` : name}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** In the middle of a link that is not up: a shape beside the colour. */
function Sign({ state }: { readonly state: Edge["state"] }) {
  if (state === "up") return null;
  return (
    <g class="edge-sign">
      <circle r="7" />
      <path d={state === "suspect" ? "M0-3.5V0.8M0 3V3.4" : "M-2.6-2.6 2.6 2.6M2.6-2.6-2.6 2.6"} />
    </g>
  );
}

const nodeTone = (agent: AgentView): string => (agent.watched === "none" ? "idle" : agent.ready === false ? "warn" : toneOf(agent.state));

function aspectOf(element: SVGSVGElement | null): number {
  const box = element?.getBoundingClientRect();
  return box === undefined || box.height === 0 ? 1 : box.width / box.height;
}

/** What is chosen with what it touches; undefined when nothing is. */
function nearOf(chosen: { readonly kind: "edge" | "agent"; readonly key: string } | undefined, edges: readonly Edge[]): ReadonlySet<string> | undefined {
  if (chosen === undefined) return undefined;
  const near = new Set([chosen.key]);
  for (const { key, from, to } of edges)
    if (chosen.kind === "edge" ? key === chosen.key : from === chosen.key || to === chosen.key) for (const one of [key, from, to]) near.add(one);
  return near;
}
