import type { MessageView } from "../../../feed/types.js";
import { useApp, useModel } from "../../app.js";
import { repliesKept, stateOf } from "../../model/conversations.js";
import { outcomeOf } from "../../model/outcome.js";
import { formatBytes, formatMs, formatNumber, formatTimeMs, words } from "../../parts/format.js";
import { Empty, Facts, Panel } from "../../parts/panel.js";
import { Reveal } from "../../parts/reveal.js";
import { State, toneOf } from "../../parts/state.js";
import { formatRoute } from "../../route.js";
import { LifeCycle } from "./life.js";
import { kindOf, outcomeTone } from "./row.js";

export function MessageDetails({ message }: { readonly message: MessageView | undefined }) {
  const app = useApp();
  const close = (
    <button type="button" class="small" onClick={() => (app.messages.selected.value = undefined)}>
      Close
    </button>
  );
  if (message === undefined) {
    return (
      <Panel title="Message" side={close} class="details">
        <Empty title="Not in memory any more">The page keeps the newest messages only. Pause to keep what you look at.</Empty>
      </Panel>
    );
  }
  return (
    <Panel title={message.name ?? kindOf(message)} side={close} class="details">
      <What message={message} />
      <h3>Life cycle</h3>
      <LifeCycle message={message} />
      <Pairing message={message} />
      <h3>Payload</h3>
      <PayloadOf key={message.key} message={message} />
    </Panel>
  );
}

function What({ message }: { readonly message: MessageView }) {
  const model = useModel();
  const { code, traceId, answered, handled } = message;
  return (
    <Facts
      rows={[
        ["State", <State tone={outcomeTone[outcomeOf(message)]}>{code === undefined ? outcomeOf(message) : words(code)}</State>],
        ["Kind", `${kindOf(message)}${message.durable === true ? ", durable" : ""}${message.attempt === undefined ? "" : `, try ${message.attempt}`}`],
        ["From", model.name(message.from)],
        ["To", model.name(message.to)],
        ["Began", formatTimeMs(message.at)],
        ["Answered after", formatMs(answered)],
        ["Handler took", formatMs(handled)],
        ["Priority, size", `${message.priority}, ${formatBytes(message.bytes)}`],
        ["Id", <code class="wrap">{message.id}</code>],
        ["Trace", traceId === undefined ? "none" : <a href={formatRoute("traces", traceId)}>{traceId.slice(0, 12)}…</a>],
      ]}
    />
  );
}

function Pairing({ message }: { readonly message: MessageView }) {
  const app = useApp();
  const model = useModel();
  const conversation = model.conversations.of(message);
  if (conversation === undefined || (conversation.replies.length === 0 && message.type !== "request" && message.type !== "stream")) return null;
  const state = stateOf(conversation);
  const all = conversation.opening === undefined ? conversation.replies : [conversation.opening, ...conversation.replies];
  const start = all[0]?.at ?? 0;
  return (
    <>
      <h3>Conversation</h3>
      <p>
        <State tone={toneOf(state)}>{state === "waiting" ? "waiting for the reply" : state}</State>
      </p>
      <ol class="plain pairing">
        {all.map((one) => (
          <li key={one.key} class={one.key === message.key ? "chosen" : ""}>
            <button type="button" class="link" aria-current={one.key === message.key} onClick={() => (app.messages.selected.value = one.key)}>
              {kindOf(one)}
            </button>
            <span class="number">+{formatMs(Math.max(0, one.at - start))}</span>
          </li>
        ))}
      </ol>
      {conversation.replyCount > repliesKept && <p class="hint">{formatNumber(conversation.replyCount)} parts; the first and the newest are listed.</p>}
    </>
  );
}

function PayloadOf({ message }: { readonly message: MessageView }) {
  const app = useApp();
  const model = useModel();
  const allowed = [message.from, message.to].some((key) => model.agents.get(key)?.reveals === true);
  return <Reveal allowed={allowed} ask={() => app.ask("payload", { message: message.key })} />;
}
