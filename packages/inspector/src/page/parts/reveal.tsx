import { useSignal } from "@preact/signals";
import type { Revealed } from "../../feed/requests.js";
import type { Answer } from "../connection/ask.js";
import { formatBytes } from "./format.js";
import { Notice } from "./notice.js";
import { ScrollBox } from "./scroll-box.js";

interface RevealProps {
  /** Whether the agent's owner reveals payloads here. */
  readonly allowed: boolean;
  readonly ask: () => Promise<Answer<"payload">>;
}

/** A payload, hidden until somebody asks for it. What is in it is shown as text, never as markup. */
export function Reveal({ allowed, ask }: RevealProps) {
  const shown = useSignal<Revealed | undefined>(undefined);
  const wrong = useSignal<string | undefined>(undefined);
  if (!allowed) {
    return (
      <p class="hint">
        The payload is hidden. The owner of the agent reveals payloads by starting the inspector with <code>reveal</code>.
      </p>
    );
  }
  const value = shown.value;
  if (value === undefined) {
    const onClick = async (): Promise<void> => {
      const answer = await ask();
      shown.value = answer.ok ? answer.value : undefined;
      wrong.value = answer.ok ? undefined : answer.message;
    };
    return (
      <>
        <button type="button" onClick={onClick}>
          Reveal payload
        </button>
        {wrong.value !== undefined && <Notice tone="warn">{wrong.value}</Notice>}
      </>
    );
  }
  return (
    <div class="payload">
      <p class="payload-head">
        <span>
          {value.form === "json" ? "JSON" : "Bytes"}, {formatBytes(value.bytes)}
          {value.cut && ": the beginning"}
        </span>
        <button type="button" class="small" onClick={() => (shown.value = undefined)}>
          Hide
        </button>
      </p>
      <ScrollBox class="payload-text" name="Payload">
        <pre>{value.text}</pre>
      </ScrollBox>
    </div>
  );
}
