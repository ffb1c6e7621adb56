import type { Lane } from "../../link/message.js";

/** The messages of ordered methods: of one peer, lane and method one after the other. */
export interface Turns {
  /** Runs it when all before it have left. */
  enter(peer: string, lane: Lane, method: string, owner: object, run: () => void): void;
  /** What never entered may leave too. */
  leave(owner: object): void;
}

interface Waiting {
  readonly owner: object;
  readonly run: () => void;
}

export function createTurns(): Turns {
  const lines = new Map<string, Waiting[]>();
  const places = new Map<object, string>();

  return {
    enter(peer, lane, method, owner, run) {
      const place = `${peer} ${lane} ${method}`;
      places.set(owner, place);
      const line = lines.get(place);
      if (line === undefined) {
        lines.set(place, [{ owner, run }]);
        run();
      } else line.push({ owner, run });
    },
    leave(owner) {
      const place = places.get(owner);
      const line = place === undefined ? undefined : lines.get(place);
      if (place === undefined || line === undefined) return;
      places.delete(owner);
      const at = line.findIndex((each) => each.owner === owner);
      line.splice(at, 1);
      if (line.length === 0) lines.delete(place);
      else if (at === 0) line[0]?.run();
    },
  };
}
