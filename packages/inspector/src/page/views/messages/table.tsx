import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { MessageView } from "../../../feed/types.js";
import { useApp, useModel } from "../../app.js";
import { activity, chooseLanes } from "../../model/sequence.js";
import { ScrollBox } from "../../parts/scroll-box.js";
import { LaneHeads } from "./lanes.js";
import { MessageRow } from "./row.js";

interface SequenceProps {
  readonly rows: readonly MessageView[];
  readonly box: RefObject<HTMLElement | null>;
  /** The newest row stays in sight. */
  readonly follow: boolean;
  /** Whoever looks went to older rows. */
  readonly onLeave: () => void;
}

const rowHeights = { wide: 40, narrow: 58 } as const;
/** Drawn beyond what is in sight. */
const spare = 6;

/** A row for each message, the lines of the agents beside them. Only the rows in sight are drawn, however many there are. */
export function SequenceTable({ rows, box, follow, onLeave }: SequenceProps) {
  const app = useApp();
  const model = useModel();
  const view = useSignal({ top: 0, height: 600, width: 1_000 });
  const lanes = useRef<readonly string[]>([]);
  const focusNext = useRef<string>(undefined);
  const { top, height, width } = view.value;
  const narrow = width < 620;
  const rowHeight = narrow ? rowHeights.narrow : rowHeights.wide;
  const from = follow ? Math.max(0, rows.length - Math.ceil(height / rowHeight) - spare) : Math.max(0, Math.floor(top / rowHeight) - spare);
  const to = Math.min(rows.length, from + Math.ceil(height / rowHeight) + 2 * spare);
  const shown = rows.slice(from, to);
  // While rows go by, the lines are those of all of them; standing still, of the ones in sight.
  lanes.current = chooseLanes(lanes.current, follow ? rows : shown, narrow ? 4 : width < 860 ? 5 : 8, [...model.agents.keys()]);
  const before = Math.max(0, from - 200);
  const bits = activity(rows.slice(before, to + 200), model.conversations.of, lanes.current);
  const chosen = app.messages.selected.value;
  const chosenMessage = chosen === undefined ? undefined : model.conversations.message(chosen);
  const pair = chosenMessage === undefined ? undefined : model.conversations.of(chosenMessage);
  const stop = shown.some(({ key }) => key === chosen) ? chosen : shown.at(-1)?.key;

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => {
      view.value = { top: element.scrollTop, height: element.clientHeight, width: element.clientWidth };
    };
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    return () => resized.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (follow && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
    const wanted = focusNext.current;
    if (wanted === undefined) return;
    focusNext.current = undefined;
    box.current?.querySelector<HTMLElement>(`[data-message="${CSS.escape(wanted)}"]`)?.focus();
  });

  const onScroll = ({ currentTarget }: { readonly currentTarget: HTMLElement }): void => {
    const atEnd = currentTarget.scrollTop + currentTarget.clientHeight >= currentTarget.scrollHeight - 2;
    view.value = { ...view.peek(), top: currentTarget.scrollTop };
    if (follow && !atEnd) onLeave();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -rows.length, End: rows.length }[event.key];
    if (step === undefined || !(event.target instanceof HTMLElement) || event.target.dataset.message === undefined) return;
    event.preventDefault();
    const at = rows.findIndex(({ key }) => key === stop);
    const next = Math.min(rows.length - 1, Math.max(0, at + step));
    const message = rows[next];
    if (message === undefined || box.current === null) return;
    onLeave();
    app.messages.selected.value = message.key;
    focusNext.current = message.key;
    box.current.scrollTop = Math.max(0, next * rowHeight - height / 2);
    view.value = { ...view.peek(), top: box.current.scrollTop };
  };

  return (
    <ScrollBox class={`sequence ${narrow ? "sequence-narrow" : ""}`} name="Sequence of messages" box={box} onScroll={onScroll} onKeyDown={onKeyDown}>
      <table aria-rowcount={rows.length + 1}>
        <caption class="unseen">Messages by time. Arrow keys go from one to the next.</caption>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="sequence-time">
              Time
            </th>
            <th scope="col" class="sequence-lanes">
              <LaneHeads lanes={lanes.current} narrow={narrow} />
            </th>
            <th scope="col">Message</th>
            <th scope="col" class="sequence-life">
              Life cycle
            </th>
            <th scope="col" class="number sequence-took">
              Took
            </th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {from > 0 && <Spacer height={from * rowHeight} />}
          {shown.map((message, index) => (
            <MessageRow
              key={message.key}
              message={message}
              index={from + index + 2}
              lanes={lanes.current}
              active={bits[from - before + index] ?? 0}
              narrow={narrow}
              chosen={message.key === chosen}
              paired={pair !== undefined && model.conversations.of(message) === pair}
              stop={message.key === stop}
              model={model}
              choose={() => (app.messages.selected.value = message.key)}
            />
          ))}
          {to < rows.length && <Spacer height={(rows.length - to) * rowHeight} />}
        </tbody>
      </table>
    </ScrollBox>
  );
}

/** Stands for the rows that are not drawn. */
const Spacer = ({ height }: { readonly height: number }) => (
  <tr class="spacer">
    <td style={{ height: `${height}px` }} />
  </tr>
);
