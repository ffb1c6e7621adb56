import { useModel } from "../../app.js";
import { others } from "../../model/sequence.js";

/** Where the line of a lane stands, in parts of a hundred. */
export const laneX = (lane: number, lanes: number): number => ((lane + 0.5) / lanes) * 100;

/** Names of the outermost lanes begin and end with the column, which would cut them otherwise. */
const nameAt = (lane: number, lanes: number): { readonly x: string; readonly anchor: "start" | "middle" | "end" } =>
  lanes > 3 && lane === 0
    ? { x: "0", anchor: "start" }
    : lanes > 3 && lane === lanes - 1
      ? { x: "100%", anchor: "end" }
      : { x: `${laneX(lane, lanes)}%`, anchor: "middle" };

const nameMost = { wide: 14, narrow: 6 } as const;

/** The agents above their lines: every other one a line lower, so that twice as much of a name fits. */
export function LaneHeads({ lanes, narrow }: { readonly lanes: readonly string[]; readonly narrow: boolean }) {
  const model = useModel();
  const most = narrow ? nameMost.narrow : nameMost.wide;
  return (
    <span class="lane-heads">
      <span class="unseen">Sequence between {lanes.map((key) => (key === others ? "other agents" : model.name(key))).join(", ")}</span>
      <svg width="100%" height="34" aria-hidden="true">
        {lanes.map((key, lane) => {
          const name = key === others ? "others" : model.name(key);
          const x = `${laneX(lane, lanes.length)}%`;
          const low = lane % 2 === 1;
          const place = nameAt(lane, lanes.length);
          return (
            <g key={key} class={key === others ? "lane-others" : ""}>
              <line x1={x} x2={x} y1={low ? 31 : 17} y2="34" class="lane" />
              <text x={place.x} y={low ? 28 : 13} text-anchor={place.anchor}>
                <title>{name}</title>
                {name.length > most ? `${name.slice(0, most - 1)}…` : name}
              </text>
            </g>
          );
        })}
      </svg>
    </span>
  );
}
