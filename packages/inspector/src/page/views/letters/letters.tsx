import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { LetterView } from "../../../feed/requests.js";
import type { AgentView } from "../../../feed/types.js";
import { useApp, useModel } from "../../app.js";
import { shown as legible } from "../../model/shown.js";
import { formatAgo, formatBytes, formatDay, formatNumber, plural, words } from "../../parts/format.js";
import { Notice } from "../../parts/notice.js";
import { Empty, Figure, Figures, Panel } from "../../parts/panel.js";
import { Table } from "../../parts/table.js";
import { type Action, ConfirmAction } from "./confirm.js";
import { LetterDialog } from "./letter.js";

const pageSize = 50;
const readOnlyWords = "This inspector only shows. To replay or discard, start it with --allow-actions (in code: allowActions: true).";

export function Letters() {
  const model = useModel();
  const agents = [...model.agents.values()].filter(({ deadLetters }) => deadLetters !== undefined);
  const wanted = useSignal<string | undefined>(undefined);
  const fullest = agents.reduce<AgentView | undefined>(
    (best, agent) => ((agent.deadLetters?.count ?? 0) > (best?.deadLetters?.count ?? -1) ? agent : best),
    undefined,
  );
  const agent = agents.find(({ key }) => key === wanted.value) ?? fullest;
  useEffect(() => {
    // Stays with the first that has any, though another becomes fuller.
    if ((fullest?.deadLetters?.count ?? 0) > 0) wanted.value ??= fullest?.key;
  }, [fullest]);
  if (agent === undefined) {
    return (
      <Panel title="Letters">
        <Empty title="No agent here keeps dead letters">
          An agent with a store keeps messages that will not be tried again; without one, <code>deadLetters: {"{}"}</code> keeps them in memory.
        </Empty>
      </Panel>
    );
  }
  const total = agents.reduce((sum, { deadLetters }) => sum + (deadLetters?.count ?? 0), 0);
  return (
    <>
      <Figures>
        <Figure name="Letters, all agents" value={formatNumber(total)} {...(total > 0 ? { tone: "warn" } : {})} />
        <Figure name={`At ${model.name(agent.key)}`} value={formatNumber(agent.deadLetters?.count ?? 0)} note={formatBytes(agent.deadLetters?.bytes)} />
      </Figures>
      <div class="toolbar">
        <label class="field">
          <span>Agent</span>
          <select value={agent.key} onChange={({ currentTarget }) => (wanted.value = currentTarget.value)}>
            {agents.map(({ key, deadLetters }) => (
              <option key={key} value={key}>
                {model.name(key)} ({formatNumber(deadLetters?.count ?? 0)})
              </option>
            ))}
          </select>
        </label>
      </div>
      <LettersOf key={agent.key} agent={agent} />
    </>
  );
}

function LettersOf({ agent }: { readonly agent: AgentView }) {
  const app = useApp();
  const model = useModel();
  const letters = useSignal<readonly LetterView[] | undefined>(undefined);
  const next = useSignal<string | undefined>(undefined);
  const wrong = useSignal<string | undefined>(undefined);
  const action = useSignal<Action | undefined>(undefined);
  const open = useSignal<LetterView | undefined>(undefined);
  const may = agent.actions === true && model.about?.actions === true;

  /** Reads as many as are shown, from the beginning; with `more` one page further. */
  const load = async (more = false): Promise<void> => {
    const after = more ? next.value : undefined;
    const answer = await app.ask("letters", { agent: agent.key, limit: pageSize, ...(after === undefined ? {} : { after }) });
    wrong.value = answer.ok ? undefined : answer.message;
    if (!answer.ok) return;
    const read = answer.value.letters.map((letter) => ({
      ...letter,
      method: letter.method === "" ? "" : legible(letter.method),
      peer: legible(letter.peer),
      cause: legible(letter.cause, 512),
    }));
    letters.value = more ? [...(letters.value ?? []), ...read] : read;
    next.value = answer.value.next;
  };
  const changes = agent.deadLetters?.changes;
  useEffect(() => void load(), [changes]);

  const shown = letters.value ?? [];
  const ask = (kind: Action["kind"], which: readonly LetterView[]): void => {
    action.value = { kind, letters: which };
  };
  const all = (
    <span class="actions">
      <button type="button" disabled={!may || shown.length === 0} aria-describedby="letters-hint" onClick={() => ask("replay", shown)}>
        Replay all shown
      </button>
      <button type="button" class="danger" disabled={!may || shown.length === 0} aria-describedby="letters-hint" onClick={() => ask("discard", shown)}>
        Discard all shown
      </button>
    </span>
  );
  return (
    <>
      {may ? (
        <p class="hint" id="letters-hint">
          Replaying hands the message over again: its handler may run a second time for what it already did.
        </p>
      ) : (
        <Notice tone="idle">
          <span id="letters-hint">{readOnlyWords}</span>
        </Notice>
      )}
      {wrong.value !== undefined && <Notice tone="bad">{wrong.value}</Notice>}
      <Panel title={`Letters at ${model.name(agent.key)}`} flush side={all}>
        {letters.value === undefined ? (
          <Empty title={wrong.value === undefined ? "Reading…" : "They cannot be read"} />
        ) : shown.length === 0 ? (
          <Empty title="No dead letters">Every message was delivered, or may still be.</Empty>
        ) : (
          <LetterTable letters={shown} may={may} ask={ask} look={(letter) => (open.value = letter)} />
        )}
        {next.value !== undefined && (
          <p class="table-more">
            <button type="button" onClick={() => load(true)}>
              Show more
            </button>
          </p>
        )}
      </Panel>
      {action.value !== undefined && <ConfirmAction action={action.value} onClose={() => (action.value = undefined)} onDone={() => load()} />}
      {open.value !== undefined && <LetterDialog letter={open.value} reveals={agent.reveals === true} onClose={() => (open.value = undefined)} />}
    </>
  );
}

interface LetterTableProps {
  readonly letters: readonly LetterView[];
  readonly may: boolean;
  readonly ask: (kind: Action["kind"], which: readonly LetterView[]) => void;
  readonly look: (letter: LetterView) => void;
}

function LetterTable({ letters, may, ask, look }: LetterTableProps) {
  const { runtime } = useApp();
  const now = runtime.clock.wall();
  const named = ({ method, peer }: LetterView): string => `${method || "undecodable"} ${peer}`;
  return (
    <Table<LetterView>
      caption={`${plural(letters.length, "dead letter")}, the newest first`}
      rows={letters}
      keyOf={({ id }) => id}
      columns={[
        {
          name: "Method",
          heading: true,
          cell: (letter) => (
            <button type="button" class="link" onClick={() => look(letter)}>
              {letter.method || "undecodable"}
            </button>
          ),
        },
        { name: "Reason", cell: ({ reason, cause }) => <span title={cause}>{words(reason)}</span> },
        { name: "Peer", cell: ({ side, peer }) => `${side === "sender" ? "to" : "from"} ${peer}` },
        { name: "Attempts", number: true, cell: ({ attempts }) => formatNumber(attempts) },
        { name: "First", number: true, cell: ({ firstAt }) => <time>{formatDay(firstAt)}</time> },
        { name: "Last", number: true, cell: ({ lastAt }) => <time title={formatDay(lastAt)}>{formatAgo(lastAt, now)}</time> },
        { name: "Size", number: true, cell: ({ bytes }) => formatBytes(bytes) },
        {
          name: "Actions",
          cell: (letter) => (
            <span class="actions">
              <button
                type="button"
                class="small"
                disabled={!may || !letter.kept}
                title={letter.kept ? undefined : "Its message was too large to be kept"}
                aria-label={`Replay ${named(letter)}`}
                onClick={() => ask("replay", [letter])}
              >
                Replay
              </button>
              <button type="button" class="small danger" disabled={!may} aria-label={`Discard ${named(letter)}`} onClick={() => ask("discard", [letter])}>
                Discard
              </button>
            </span>
          ),
        },
      ]}
    />
  );
}
