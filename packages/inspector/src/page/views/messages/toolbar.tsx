import { useApp, useModel } from "../../app.js";

interface ToolbarProps {
  readonly paused: boolean;
  readonly pause: () => void;
  readonly resume: () => void;
}

export function MessageToolbar({ paused, pause, resume }: ToolbarProps) {
  const { messages: state } = useApp();
  const model = useModel();
  return (
    <div class="toolbar">
      <label class="field">
        <span>Method, topic or agent</span>
        <input type="search" value={state.text.value} onInput={({ currentTarget }) => (state.text.value = currentTarget.value)} />
      </label>
      <label class="field">
        <span>Agent</span>
        <select value={state.agent.value} onChange={({ currentTarget }) => (state.agent.value = currentTarget.value)}>
          <option value="">All agents</option>
          {[...model.agents.values()].map(({ key }) => (
            <option key={key} value={key}>
              {model.name(key)}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input type="checkbox" checked={state.failedOnly.value} onChange={({ currentTarget }) => (state.failedOnly.value = currentTarget.checked)} />
        <span>Failed only</span>
      </label>
      <button type="button" class="push" aria-pressed={paused} onClick={paused ? resume : pause}>
        {paused ? "Resume" : "Pause"}
      </button>
    </div>
  );
}
