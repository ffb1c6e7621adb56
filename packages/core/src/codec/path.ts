const shownSegment = 40;
const shownSegments = 12;

/**
 * Names a place inside a value for an error message: `payload.items[3].name`. Keys come from whoever made the value, so
 * each is cut to 40 characters, keeps letters, digits, `_`, `$` and `-` only (others show as `?`), and at most 12 are shown.
 */
export function formatPath(root: string, keys: readonly unknown[]): string {
  let text = root;
  for (const key of keys.slice(0, shownSegments)) {
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? segment(key) : `.${segment(key)}`;
  }
  return keys.length > shownSegments ? `${text}…` : text;
}

function segment(key: unknown): string {
  const name = typeof key === "string" ? key : "symbol";
  const shown = name.slice(0, shownSegment).replace(/[^\p{L}\p{N}_$-]/gu, "?");
  return name.length > shownSegment ? `${shown}…` : shown || "?";
}
