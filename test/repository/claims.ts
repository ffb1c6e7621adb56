import type { Finding, SourceFile } from "./source.js";

const CLAIM = /\bTM-\d{2,}\b/g;

/** Every claim of the threat model is cited by a test, and no test cites a claim that is not there. */
export function checkClaims(document: SourceFile, tests: readonly SourceFile[]): Finding[] {
  const claimed = new Set(document.text.match(CLAIM));
  const cited = new Map<string, string>();
  for (const { path, text } of tests) for (const id of text.match(CLAIM) ?? []) cited.set(id, path);
  return [
    ...[...claimed].filter((id) => !cited.has(id)).map((id) => ({ path: document.path, message: `${id} is shown by no test` })),
    ...[...cited].filter(([id]) => !claimed.has(id)).map(([id, path]) => ({ path, message: `cites ${id}, which ${document.path} does not make` })),
  ];
}
