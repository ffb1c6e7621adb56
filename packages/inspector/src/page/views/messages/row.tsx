import type { MessageView } from "../../../feed/types.js";
import { stateOf } from "../../model/conversations.js";
import type { Model } from "../../model/model.js";
import { durationOf, isReply, lastStage, outcomeOf } from "../../model/outcome.js";
import { laneOf } from "../../model/sequence.js";
import { formatMs, formatTimeMs, words } from "../../parts/format.js";
import { State, type Tone } from "../../parts/state.js";
import { laneX } from "./lanes.js";
import { LifeBar } from "./life.js";

interface RowProps {
  readonly message: MessageView;
  readonly index: number;
  readonly lanes: readonly string[];
  readonly active: number;
  readonly narrow: boolean;
  readonly chosen: boolean;
  readonly paired: boolean;
  readonly stop: boolean;
  readonly model: Model;
  readonly choose: () => void;
}

export const outcomeTone: Readonly<Record<"open" | "done" | "failed", Tone>> = { open: "info", done: "good", failed: "bad" };

/** What kind of message it is, in words and in front of its name. */
export const kindOf = (message: MessageView): string =>
  isReply(message) ? ({ error: "error reply", stream: "stream part" }[message.type as string] ?? "reply") : message.type === "stream" ? "stream" : message.type;

export function MessageRow({ message, index, lanes, active, narrow, chosen, paired, stop, model, choose }: RowProps) {
  const outcome = outcomeOf(message);
  return (
    <tr class={`message ${chosen ? "chosen" : paired ? "paired" : ""}`} aria-rowindex={index} onClick={choose}>
      <td class="sequence-time number">{formatTimeMs(message.at)}</td>
      <td class="sequence-lanes">
        <Arrow message={message} lanes={lanes} active={active} height={narrow ? 58 : 40} tone={message.type === "error" ? "bad" : outcomeTone[outcome]} />
      </td>
      <th scope="row">
        <button type="button" class="link message-name" data-message={message.key} tabIndex={stop ? 0 : -1} aria-pressed={chosen}>
          {message.name ?? kindOf(message)}
        </button>
        <span class="message-ends">
          {kindOf(message)}, {model.name(message.from)} → {model.name(message.to)}
        </span>
      </th>
      <td class="sequence-life">
        <LifeBar message={message} />
      </td>
      <td class="number sequence-took">{formatMs(durationOf(message))}</td>
      <td class="sequence-state">
        <State tone={outcomeTone[outcome]}>{stateWords(message, model)}</State>
      </td>
    </tr>
  );
}

/** The stage it reached, and of a request whether its reply is there. */
function stateWords(message: MessageView, model: Model): string {
  if (message.code !== undefined) return words(message.code);
  if (message.answered !== undefined) return "answered";
  const conversation = model.conversations.of(message);
  if (message.type === "request" && conversation !== undefined && stateOf(conversation) === "waiting") return "waiting";
  return words(lastStage(message) ?? "seen");
}

interface ArrowProps {
  readonly message: MessageView;
  readonly lanes: readonly string[];
  readonly active: number;
  readonly height: number;
  readonly tone: Tone;
}

/** The lines of the agents, and the message from one to the other: dashed when it is a reply, broken when it did not arrive. */
function Arrow({ message, lanes, active, height, tone }: ArrowProps) {
  const from = laneOf(lanes, message.from);
  const to = laneOf(lanes, message.to);
  const middle = height / 2;
  const start = laneX(from, lanes.length);
  const end = laneX(to, lanes.length);
  const points = to >= from ? -1 : 1;
  return (
    <svg class={`arrow tone-${tone}`} width="100%" height={height} aria-hidden="true">
      {lanes.map((key, lane) => {
        const x = `${laneX(lane, lanes.length)}%`;
        return (
          <g key={key}>
            <line x1={x} x2={x} y1="0" y2={height} class="lane" />
            {(active & (1 << lane)) !== 0 && <line x1={x} x2={x} y1="0" y2={height} class="lane-active" />}
          </g>
        );
      })}
      {from === to ? (
        <circle class="arrow-self" cx={`${start}%`} cy={middle} r="5" />
      ) : (
        <>
          <line
            class={`arrow-line ${isReply(message) ? "arrow-reply" : ""} ${message.type === "stream" ? "arrow-stream" : ""}`}
            x1={`${start}%`}
            x2={`${end}%`}
            y1={middle}
            y2={middle}
          />
          <circle class="arrow-start" cx={`${start}%`} cy={middle} r="2.5" />
          <svg x={`${end}%`} y={middle} class="arrow-head" overflow="visible" aria-hidden="true">
            <path d={`M0 0L${points * 8}-4.5V4.5Z`} />
          </svg>
        </>
      )}
    </svg>
  );
}
