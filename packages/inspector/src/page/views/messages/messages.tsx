import { useRef } from "preact/hooks";
import type { MessageView } from "../../../feed/types.js";
import { useApp, useModel } from "../../app.js";
import { stateOf } from "../../model/conversations.js";
import { filterMessages } from "../../model/sequence.js";
import { formatNumber, plural } from "../../parts/format.js";
import { Empty, Panel } from "../../parts/panel.js";
import { MessageDetails } from "./details.js";
import { SequenceTable } from "./table.js";
import { MessageToolbar } from "./toolbar.js";

export function Messages() {
  const { messages: state } = useApp();
  const model = useModel();
  const { conversations } = model;
  const frozen = state.frozen.value;
  // Paused: no more rows, but those that are there still say what became of them.
  const all = frozen === undefined ? conversations.messages : frozen.map((message) => conversations.message(message.key) ?? message);
  const isFailed = (message: MessageView): boolean => {
    const conversation = conversations.of(message);
    return conversation !== undefined && stateOf(conversation) === "failed";
  };
  const filter = { text: state.text.value, agent: state.agent.value, failedOnly: state.failedOnly.value };
  const rows = filterMessages(all, filter, model.name, isFailed);
  const table = useRef<HTMLElement>(null);
  const chosen = state.selected.value;
  const message = chosen === undefined ? undefined : (conversations.message(chosen) ?? rows.find(({ key }) => key === chosen));
  const pause = (): void => {
    if (state.frozen.peek() === undefined) state.frozen.value = [...conversations.messages];
  };
  const resume = (): void => {
    state.frozen.value = undefined;
  };

  return (
    <>
      <MessageToolbar paused={frozen !== undefined} pause={pause} resume={resume} />
      <p class="count" aria-live="off">
        {plural(rows.length, "message")} shown of the last {formatNumber(all.length)}
        {frozen !== undefined && conversations.messages.at(-1) !== frozen.at(-1) && "; newer ones wait until you resume"}
        {model.dropped > 0 && `; ${formatNumber(model.dropped)} were too many to be told one by one`}.
      </p>
      <div class={chosen === undefined ? "" : "split split-wide"}>
        <Panel title="Sequence" flush>
          {rows.length === 0 ? (
            <Empty title={all.length === 0 ? "No messages yet" : "No message fits"}>
              {all.length === 0 ? "What agents send from now on appears here within a second." : "Change the filter above to see more."}
            </Empty>
          ) : (
            <SequenceTable rows={rows} box={table} follow={frozen === undefined} onLeave={pause} />
          )}
        </Panel>
        {chosen !== undefined && <MessageDetails message={message} />}
      </div>
    </>
  );
}
