import type { MessageView } from "../../../feed/types.js";
import { formatMs, words } from "../../parts/format.js";

interface Moment {
  readonly what: string;
  readonly by: "sender" | "receiver";
  readonly offset: number;
  /** 0 to 1. */
  readonly part: number;
}

/** The stages along the message's own time. The clocks of two machines may differ: what seems to be before the beginning stands at it. */
export function momentsOf(message: MessageView): readonly Moment[] {
  const start = message.stages[0]?.at ?? message.at;
  const offsets = message.stages.map(({ at }) => Math.max(0, at - start));
  const total = Math.max(...offsets, 0);
  return message.stages.map(({ what, by }, index) => ({ what, by, offset: offsets[index] ?? 0, part: total === 0 ? 0 : (offsets[index] ?? 0) / total }));
}

const failing: ReadonlySet<string> = new Set(["failed", "expired", "dead_lettered"]);

/** Small, for a row: the sender's moments above, the receiver's below. */
export function LifeBar({ message }: { readonly message: MessageView }) {
  const moments = momentsOf(message);
  return (
    <>
      <span class="unseen">{moments.map(({ what }) => words(what)).join(", ")}</span>
      <svg class="life" viewBox="0 0 120 20" width="120" height="20" aria-hidden="true">
        <line class="life-axis" x1="4" x2="116" y1="10" y2="10" />
        {moments.map(({ what, by, part }, index) => (
          <Mark key={`${what} ${by} ${index}`} x={4 + part * 112} by={by} failed={failing.has(what)} />
        ))}
      </svg>
    </>
  );
}

const Mark = ({ x, by, failed }: { readonly x: number; readonly by: "sender" | "receiver"; readonly failed: boolean }) =>
  failed ? (
    <path class="life-failed" d={`M${x - 3} 7 ${x + 3} 13M${x + 3} 7 ${x - 3} 13`} />
  ) : by === "sender" ? (
    <line class="life-sender" x1={x} x2={x} y1="3" y2="10" />
  ) : (
    <line class="life-receiver" x1={x} x2={x} y1="10" y2="17" />
  );

/** Large, with a table that says the same in words. */
export function LifeCycle({ message }: { readonly message: MessageView }) {
  const moments = momentsOf(message);
  const total = Math.max(0, ...moments.map(({ offset }) => offset));
  return (
    <div class="life-cycle">
      <svg class="life" viewBox="0 0 300 44" width="100%" height="44" preserveAspectRatio="none" aria-hidden="true">
        <line class="life-axis" x1="4" x2="296" y1="22" y2="22" />
        {moments.map(({ what, by, part }, index) => {
          const x = 4 + part * 292;
          const up = by === "sender";
          return (
            <line
              key={`${what} ${by} ${index}`}
              class={failing.has(what) ? "life-failed" : up ? "life-sender" : "life-receiver"}
              x1={x}
              x2={x}
              y1={up ? 6 : 22}
              y2={up ? 22 : 38}
            />
          );
        })}
      </svg>
      <p class="life-ends number" aria-hidden="true">
        <span>0 ms</span>
        <span>{formatMs(total)}</span>
      </p>
      <table class="compact">
        <caption class="unseen">Life cycle</caption>
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col">Seen by</th>
            <th scope="col" class="number">
              After
            </th>
          </tr>
        </thead>
        <tbody>
          {moments.map(({ what, by, offset }, index) => (
            <tr key={`${what} ${by} ${index}`}>
              <th scope="row">{words(what)}</th>
              <td class={`life-by-${by}`}>{by}</td>
              <td class="number">{formatMs(offset)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
