/** A source file as the checks see it: a path from the root of the repository with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What a check found: where, and what to do about it. */
export interface Finding {
  readonly path: string;
  readonly message: string;
}

type Mode = { readonly kind: "code"; depth: number } | { readonly kind: "template" };

/**
 * The text with comments blanked out and, when asked, the contents of strings as well. Line breaks stay, so line numbers hold.
 * Code inside `${}` of a template stays code. A regular expression is told from a division by what stands before it.
 */
export function stripComments(text: string, options: { strings?: boolean } = {}): string {
  const modes: Mode[] = [{ kind: "code", depth: 0 }];
  let out = "";
  let at = 0;
  const blank = (piece: string): string => piece.replaceAll(/[^\n]/g, " ");
  const literal = (piece: string): string => (options.strings ? blank(piece) : piece);
  while (at < text.length) {
    const mode = modes.at(-1) as Mode;
    const rest = text.slice(at, at + 2);
    const char = rest[0] as string;
    if (mode.kind === "template") {
      if (char === "`") modes.pop();
      if (rest === "${") modes.push({ kind: "code", depth: 0 });
      const piece = rest === "${" ? rest : char === "\\" ? text.slice(at, at + 2) : char;
      out += char === "`" || rest === "${" ? piece : literal(piece);
      at += piece.length;
      continue;
    }
    const piece = token(text, at, out);
    if (piece.kind === "comment") out += blank(piece.text);
    else if (piece.kind === "string") out += `${piece.text[0]}${literal(piece.text.slice(1, -1))}${piece.text.length > 1 ? piece.text.at(-1) : ""}`;
    else if (piece.kind === "regex") out += literal(piece.text);
    else {
      if (char === "`") modes.push({ kind: "template" });
      if (char === "{") mode.depth += 1;
      if (char === "}") {
        if (mode.depth === 0 && modes.length > 1) modes.pop();
        else mode.depth -= 1;
      }
      out += piece.text;
    }
    at += piece.text.length;
  }
  return out;
}

function token(text: string, at: number, before: string): { kind: "comment" | "string" | "regex" | "code"; text: string } {
  const rest = text.slice(at);
  const comment = /^(?:\/\/[^\n]*|\/\*[\s\S]*?\*\/|#![^\n]*)/.exec(rest);
  if (comment && (rest[0] === "/" || at === 0)) return { kind: "comment", text: comment[0] };
  const string = /^(?:"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')/.exec(rest);
  if (string) return { kind: "string", text: string[0] };
  if (rest[0] === "/" && /(?:^|[(,=:[!&|?{};+>~^*%-]|\breturn|\btypeof|\bcase)\s*$/.test(before.slice(-80))) {
    const regex = /^\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/.exec(rest);
    if (regex) return { kind: "regex", text: regex[0] };
  }
  return { kind: "code", text: rest[0] as string };
}

/** Every module specifier a file imports or re-exports, types and dynamic imports included. */
export function importsOf(file: SourceFile): string[] {
  const code = stripComments(file.text);
  const found = new Set<string>();
  const patterns = [
    /(?:^|[;\n}])\s*(?:import|export)\b[^;"'`()]*?\bfrom\s*["']([^"']+)["']/g,
    /(?:^|[;\n}])\s*import\s*["']([^"']+)["']/g,
    /\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g,
  ];
  for (const pattern of patterns) for (const match of code.matchAll(pattern)) found.add(match[1] as string);
  return [...found];
}

/** A relative specifier as a source path from the root, or undefined for a package. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/").replace(/\.js$/, ".ts");
}

/** The line of an offset, counted from one. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
