import { useApp, useModel } from "./app.js";
import { formatTime } from "./parts/format.js";
import { Notice } from "./parts/notice.js";
import { Empty } from "./parts/panel.js";

/** Above a view: when what it shows is not what is. */
export function StateBanner() {
  const { connection } = useApp();
  const model = useModel();
  const value = connection.value;
  if (value.state === "lost") {
    return (
      <Notice tone="bad">
        The connection was lost at {formatTime(value.since)}; it is tried again every few seconds.{" "}
        {model.batches > 0 ? "What you see is from before." : "Is the program that serves it still running?"}
      </Notice>
    );
  }
  if (value.state === "connecting" && model.batches === 0) return <Empty title="Connecting…" />;
  return null;
}

/** In place of a view: why there is none, and what to do. */
export function Refused() {
  const { connection } = useApp();
  const value = connection.value;
  const status = value.state === "refused" ? value.status : 0;
  const said = value.state === "refused" ? value.message : "";
  return (
    <section class="refused" aria-label="Refused">
      <Notice tone="bad">
        <h2>{status === 401 ? "This page has no valid token" : "The inspector refuses this page"}</h2>
        {said !== "" && <p>{said}</p>}
        <p>Every start of the inspector makes a new token, and prints an address that carries it:</p>
        <pre>http://127.0.0.1:…/#token=…</pre>
        <ol>
          <li>Find that address in the terminal or the log of the program that serves this page.</li>
          <li>Open it as it is, with everything behind the #, under 127.0.0.1 and not under another name.</li>
          <li>If the program was started again, use the address it printed last.</li>
        </ol>
      </Notice>
    </section>
  );
}
