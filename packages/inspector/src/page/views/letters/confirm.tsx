import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { LetterView } from "../../../feed/requests.js";
import { useApp } from "../../app.js";
import { shown } from "../../model/shown.js";
import { Dialog } from "../../parts/dialog.js";
import { formatNumber, plural, words } from "../../parts/format.js";
import { Notice } from "../../parts/notice.js";

export interface Action {
  readonly kind: "replay" | "discard";
  readonly letters: readonly LetterView[];
}

interface ConfirmProps {
  readonly action: Action;
  readonly onClose: () => void;
  /** Some of it was done. */
  readonly onDone: () => void;
}

/** Says what is about to happen, does it one letter after the other, and says what became of each that failed. Closing it stops before the next one. */
export function ConfirmAction({ action: { kind, letters }, onClose, onDone }: ConfirmProps) {
  const app = useApp();
  const done = useSignal(0);
  const failed = useSignal<readonly { readonly letter: LetterView; readonly why: string }[]>([]);
  const state = useSignal<"asking" | "running" | "over">("asking");
  const stopped = useRef(false);
  const verb = kind === "replay" ? "Replay" : "Discard";

  async function act(letter: LetterView): Promise<string | undefined> {
    const fields = { agent: letter.agent, id: letter.id };
    if (kind === "discard") {
      const answer = await app.ask("discard", fields);
      return answer.ok ? undefined : answer.message;
    }
    const answer = await app.ask("replay", fields);
    if (!answer.ok) return answer.message;
    return answer.value.replayed ? undefined : shown(answer.value.error?.message ?? "It is still a letter.", 2_000);
  }

  const run = async (): Promise<void> => {
    state.value = "running";
    for (const letter of letters) {
      if (stopped.current) break;
      const why = await act(letter);
      if (why === undefined) done.value += 1;
      else failed.value = [...failed.value, { letter, why }];
    }
    app.say(
      `${plural(done.value, "letter")} ${kind === "replay" ? "replayed" : "discarded"}${failed.value.length > 0 ? `, ${failed.value.length} failed` : ""}.`,
    );
    onDone();
    if (failed.value.length === 0 || stopped.current) onClose();
    else state.value = "over";
  };
  const close = (): void => {
    stopped.current = true;
    if (state.value !== "running") onClose();
  };
  const one = letters.length === 1 ? letters[0] : undefined;
  const what =
    one === undefined ? plural(letters.length, "letter") : `${one.method || "the undecodable message"} ${one.side === "sender" ? "to" : "from"} ${one.peer}`;
  const button = (
    <button type="button" class={kind === "discard" ? "danger strong" : "strong"} disabled={state.value !== "asking"} onClick={run}>
      {state.value === "running" ? `${formatNumber(done.value)} of ${formatNumber(letters.length)}…` : verb}
    </button>
  );
  return (
    <Dialog title={`${verb} ${what}?`} onClose={close} {...(state.value === "over" ? {} : { actions: button })}>
      <p>
        {kind === "replay"
          ? "The message is handed over again, and the letter goes once its handler has succeeded. The handler may run a second time for what it already did."
          : "What is discarded is gone for good. Nothing brings it back."}
      </p>
      {failed.value.length > 0 && (
        <Notice tone="bad">
          <p>{plural(failed.value.length, "letter")} stayed:</p>
          <ul class="plain">
            {failed.value.slice(0, 10).map(({ letter, why }) => (
              <li key={letter.id}>
                {letter.method || "undecodable"} ({words(letter.reason)}): {why}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </Dialog>
  );
}
