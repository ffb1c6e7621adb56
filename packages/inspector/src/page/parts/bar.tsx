/** A share as a bar with its words beside it, which say it alone too. */
export function Bar({ value, most, text, tone = "info" }: { readonly value: number; readonly most: number; readonly text: string; readonly tone?: string }) {
  const part = most > 0 ? Math.min(1, Math.max(0, value / most)) : 0;
  return (
    <span class="bar-with-text">
      <svg class={`bar tone-${tone}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="bar-back" width="100" height="8" rx="2" />
        {part > 0 && <rect width={Math.max(1, part * 100)} height="8" rx="2" />}
      </svg>
      <span class="number">{text}</span>
    </span>
  );
}
