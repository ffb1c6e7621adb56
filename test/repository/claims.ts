import type { Finding, SourceFile } from "./source.js";

const CLAIM = /\bTM-\d{2,}\b/g;

/** Every claim of the document is cited by a test, and no test cites a claim that is not there. `claim`: global; the threat model's by default. */
export function checkClaims(document: SourceFile, tests: readonly SourceFile[], claim = CLAIM): Finding[] {
  const claimed = new Set(document.text.match(claim));
  const cited = new Map<string, string>();
  for (const { path, text } of tests) for (const id of text.match(claim) ?? []) cited.set(id, path);
  return [
    ...[...claimed].filter((id) => !cited.has(id)).map((id) => ({ path: document.path, message: `${id} is shown by no test` })),
    ...[...cited].filter(([id]) => !claimed.has(id)).map(([id, path]) => ({ path, message: `cites ${id}, which ${document.path} does not make` })),
  ];
}
