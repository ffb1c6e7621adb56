import { useSignal } from "@preact/signals";
import type { SecurityView } from "../../feed/types.js";
import { useModel } from "../app.js";
import { formatNumber, formatTimeMs, plural, words } from "../parts/format.js";
import { Empty, Figure, Figures, Panel } from "../parts/panel.js";
import { State, toneOf } from "../parts/state.js";
import { Table } from "../parts/table.js";

const kinds = ["refused", "replayed", "forged", "unknown_key", "downgrade"] as const;
const meanings: Readonly<Record<SecurityView["what"], string>> = {
  refused: "not permitted",
  replayed: "a frame that had come before",
  forged: "does not authenticate",
  unknown_key: "a key or session nobody knows",
  downgrade: "a suite this agent does not speak",
};
const rowsMost = 200;
const titleOf = (kind: SecurityView["what"]): string => `${kind[0]?.toUpperCase()}${words(kind).slice(1)}`;

export function Security() {
  const model = useModel();
  const only = useSignal<SecurityView["what"] | "">("");
  const all = model.security.list();
  const count = (kind: SecurityView["what"]): number => all.reduce((sum, entry) => sum + (entry.what === kind ? entry.count : 0), 0);
  const rows = all.filter(({ what }) => only.value === "" || what === only.value).toReversed();
  return (
    <>
      <Figures>
        {kinds.map((kind) => (
          <Figure
            key={kind}
            name={titleOf(kind)}
            value={formatNumber(count(kind))}
            note={meanings[kind]}
            {...(count(kind) > 0 ? { tone: toneOf(kind) } : {})}
          />
        ))}
      </Figures>
      <div class="toolbar">
        <label class="field">
          <span>Kind</span>
          <select value={only.value} onChange={({ currentTarget }) => (only.value = currentTarget.value as SecurityView["what"] | "")}>
            <option value="">All</option>
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                {words(kind)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Panel title="What was turned away" flush side={plural(rows.length, "entry", "entries")}>
        {rows.length === 0 ? (
          <Empty title="Nothing was turned away">Refused, replayed and forged frames and calls are told here, at most once a second for each reason.</Empty>
        ) : (
          <Table<SecurityView>
            caption="What was turned away"
            rows={rows.slice(0, rowsMost)}
            keyOf={({ key }) => String(key)}
            more={rows.length > rowsMost ? `The newest ${rowsMost} of ${formatNumber(rows.length)}.` : undefined}
            columns={[
              { name: "Time", cell: ({ at }) => <time class="number">{formatTimeMs(at)}</time> },
              { name: "Agent", heading: true, cell: ({ agent }) => model.name(agent) },
              { name: "What", cell: ({ what }) => <State tone={toneOf(what)}>{words(what)}</State> },
              { name: "Reason", cell: ({ reason }) => words(reason) },
              { name: "Times", number: true, cell: ({ count: times }) => formatNumber(times) },
              {
                name: "Who",
                cell: ({ peer, proved }) =>
                  peer === undefined ? (
                    <span class="zero">somebody on the network</span>
                  ) : (
                    <>
                      {peer} <span class={`tag ${proved ? "" : "tag-warn"}`}>{proved ? "proved" : "claimed, not proved"}</span>
                    </>
                  ),
              },
            ]}
          />
        )}
      </Panel>
    </>
  );
}
