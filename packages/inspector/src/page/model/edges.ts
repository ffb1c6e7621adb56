import type { AgentView, LinkView } from "../../feed/types.js";
import { shown } from "./shown.js";

/** A link with what its ends, as far as they are watched, say of it. */
export interface Edge {
  readonly key: string;
  /** Keys of agents, in the order of the first view. */
  readonly from: string;
  readonly to: string;
  /** The worse of what its ends say. */
  readonly state: LinkView["state"];
  /** One or two. */
  readonly views: readonly LinkView[];
}

const worse: Readonly<Record<LinkView["state"], number>> = { up: 0, suspect: 1, down: 2, ended: 3 };

export function edgesOf(links: Iterable<LinkView>): Edge[] {
  const edges = new Map<string, LinkView[]>();
  for (const link of links) {
    const there = edges.get(link.edge);
    if (there === undefined) edges.set(link.edge, [link]);
    else if (there.length < 2) there.push(link);
  }
  return [...edges].flatMap(([key, views]) => {
    const [first] = views;
    if (first === undefined) return [];
    const state = views.reduce((worst, { state: one }) => (worse[one] > worse[worst] ? one : worst), first.state);
    return { key, from: first.from, to: first.to, state, views };
  });
}

const idLength = 4;

/** A short name for each agent: its id, and the beginning of its instance where there is more than one of the same id. */
export function namesOf(agents: Iterable<Pick<AgentView, "key" | "id" | "instance">>): Map<string, string> {
  const all = [...agents];
  const counts = new Map<string, number>();
  for (const { id } of all) counts.set(id, (counts.get(id) ?? 0) + 1);
  return new Map(all.map(({ key, id, instance }) => [key, shown((counts.get(id) ?? 0) > 1 ? `${id} ${instance.slice(0, idLength)}` : id)]));
}

/** Of a key whose agent is not known (any more). */
export const nameOfKey = (key: string): string => {
  const cut = key.lastIndexOf("/");
  return shown(cut > 0 ? key.slice(0, cut) : key);
};
