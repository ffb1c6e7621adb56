import type { LetterView } from "../../../feed/requests.js";
import { useApp } from "../../app.js";
import { Dialog } from "../../parts/dialog.js";
import { formatBytes, formatDay, formatNumber, orDash, words } from "../../parts/format.js";
import { Facts } from "../../parts/panel.js";
import { Reveal } from "../../parts/reveal.js";

/** Everything about one letter, and what is in it where its owner reveals that. */
export function LetterDialog({ letter, reveals, onClose }: { readonly letter: LetterView; readonly reveals: boolean; readonly onClose: () => void }) {
  const app = useApp();
  const { agent, id } = letter;
  return (
    <Dialog title={letter.method || "Undecodable message"} onClose={onClose}>
      <Facts
        rows={[
          ["Reason", words(letter.reason)],
          ["Cause", <span class="wrap">{letter.cause}</span>],
          ["Peer", `${letter.side === "sender" ? "to" : "from"} ${letter.peer}`],
          ["Attempts", formatNumber(letter.attempts)],
          ["First", formatDay(letter.firstAt)],
          ["Last", formatDay(letter.lastAt)],
          ["Priority, size", `${letter.priority}, ${formatBytes(letter.bytes)}`],
          ["Message kept", letter.kept ? "yes" : "no: it was too large, and cannot be replayed"],
          ["Letter", <code class="wrap">{id}</code>],
          ["Message", <code class="wrap">{orDash(letter.messageId)}</code>],
        ]}
      />
      <h3>Payload</h3>
      <Reveal allowed={reveals} ask={() => app.ask("contents", { agent, id })} />
    </Dialog>
  );
}
