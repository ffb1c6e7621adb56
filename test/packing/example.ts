/** The first TypeScript or JavaScript block of a markdown page, or undefined. */
export function firstExample(markdown: string): string | undefined {
  return /^```(?:ts|typescript|js|javascript)\n([\s\S]*?)^```/m.exec(markdown)?.[1];
}

/** What an example says it prints: the text of its `// prints: ...` comments, in order. */
export function promisedOutput(code: string): string[] {
  return [...code.matchAll(/\/\/ prints: (.+)$/gm)].map((match) => (match[1] as string).trim());
}
