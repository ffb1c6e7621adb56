import { type Finding, importsOf, lineAt, type SourceFile, stripComments } from "./source.js";

interface Rule {
  readonly pattern: RegExp;
  readonly message: string;
}

const TIME_AND_RANDOMNESS: readonly Rule[] = [
  { pattern: /\bDate\s*\.\s*now\b/g, message: "reads the clock" },
  { pattern: /\bnew\s+Date\s*\(\s*\)/g, message: "reads the clock" },
  { pattern: /(?<!new\s)\bDate\s*\(\s*\)/g, message: "reads the clock" },
  { pattern: /\bperformance\s*\.\s*(?:now|timeOrigin|mark|measure)\b/g, message: "reads the clock" },
  { pattern: /\bhrtime\b/g, message: "reads the clock" },
  { pattern: /\bMath\s*\.\s*random\b/g, message: "draws randomness" },
  { pattern: /\b(?:getRandomValues|randomUUID|randomBytes|randomFillSync|randomFill|randomInt)\b/g, message: "draws randomness" },
  {
    pattern: /(?<![\w$.])(?:globalThis\s*\.\s*|window\s*\.\s*)?(?:setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate)\s*\(/g,
    message: "starts or stops a timer",
  },
  { pattern: /\bglobalThis\s*\.\s*(?:setTimeout|setInterval|setImmediate)\b/g, message: "takes a timer" },
  { pattern: /\bAbortSignal\s*\.\s*timeout\b/g, message: "starts a timer" },
];

const CONSOLE: readonly Rule[] = [
  { pattern: /\bconsole\s*[.[]/g, message: "writes to the console" },
  { pattern: /\bprocess\s*\??\.\s*(?:stdout|stderr)\b/g, message: "writes to the console" },
];

function match(files: readonly SourceFile[], rules: readonly Rule[], advice: string): Finding[] {
  return files.flatMap((file) => {
    const code = stripComments(file.text, { strings: true });
    const lines = new Map<string, Finding>();
    for (const { pattern, message } of rules) {
      for (const hit of code.matchAll(pattern)) {
        const path = `${file.path}:${lineAt(code, hit.index)}`;
        lines.set(`${path} ${message}`, { path, message: `${message} (${hit[0].trim()}); ${advice}` });
      }
    }
    return [...lines.values()];
  });
}

/** Nothing outside `runtime/` reads time or randomness or owns a timer: a simulation decides all three. */
export function checkTimeAndRandomness(files: readonly SourceFile[], exempt: readonly string[] = ["packages/core/src/runtime/"]): Finding[] {
  const judged = files.filter(({ path }) => !exempt.some((prefix) => path.startsWith(prefix)));
  return match(judged, TIME_AND_RANDOMNESS, "take it from the Runtime");
}

/** Libraries are silent; only the entry points of commands write. */
export function checkConsole(files: readonly SourceFile[], commands: readonly string[]): Finding[] {
  return match(
    files.filter(({ path }) => !commands.includes(path)),
    CONSOLE,
    "use the log interface",
  );
}

const BUILTIN =
  /^(?:node:.+|assert|buffer|child_process|crypto|dns|events|fs|http|http2|https|net|os|path|process|stream|timers|tls|url|util|worker_threads|zlib)(?:\/.*)?$/;

/** Core runs everywhere: it imports no module of Node (`getBuiltinModule` reaches them where they exist) and uses no Buffer. */
export function checkNoNode(files: readonly SourceFile[]): Finding[] {
  const imports = files.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => BUILTIN.test(specifier))
      .map((specifier) => ({ path: file.path, message: `imports "${specifier}"; use globalThis.process?.getBuiltinModule?.(...)` })),
  );
  const rules = [
    { pattern: /(?<![\w$.])Buffer\s*[.(]/g, message: "uses Buffer" },
    { pattern: /(?<![\w$.])require\s*\(/g, message: "uses require" },
    { pattern: /<reference\s+types/g, message: "pulls in types" },
  ];
  return [...imports, ...match(files, rules, "core knows no Node")];
}

/** One idea to a file: from the limit on it is more than one. */
export function checkLength(files: readonly SourceFile[], limit = 250): Finding[] {
  return files
    .map((file) => ({ path: file.path, lines: file.text.replace(/\n$/, "").split("\n").length }))
    .filter(({ lines }) => lines >= limit)
    .map(({ path, lines }) => ({ path, message: `${lines} lines, and a file has less than ${limit}: split it` }));
}

/** No work left lying about in the sources, and no way around the type checker. */
export function checkLeftovers(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) =>
    [...file.text.matchAll(/\b(?:TODO|FIXME|XXX)\b|@ts-(?:ignore|expect-error|nocheck)/g)].map((hit) => ({
      path: `${file.path}:${lineAt(file.text, hit.index)}`,
      message: `${hit[0]} does not belong in the sources`,
    })),
  );
}
