import type { Command, Option } from "commander";

/** What may stand behind a command. */
export interface Words {
  /** `token issue`; empty for the program itself. */
  readonly path: string;
  /** Sub-commands and options. */
  readonly words: readonly { readonly word: string; readonly about: string }[];
  /** What an option takes: a list, or files. An option that takes nothing is not here. */
  readonly values: readonly { readonly option: string; readonly choices: readonly string[] | "files" | "any" }[];
  /** Choices of the first argument. */
  readonly choices: readonly string[];
}

/** The whole tree, flattened. */
export function wordsOf(command: Command, path: readonly string[] = []): Words[] {
  const options = command.options.filter(({ hidden }) => !hidden);
  const help = { word: "--help", about: "how to use it" };
  const own: Words = {
    path: path.join(" "),
    words: [
      ...command.commands.map((each) => ({ word: each.name(), about: each.summary() || each.description() })),
      ...options.flatMap((option) => (option.long === undefined ? [] : [{ word: option.long, about: option.description }])),
      help,
    ],
    values: options.flatMap((option) => (option.long !== undefined && option.required ? [{ option: option.long, choices: choicesOf(option) }] : [])),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
  return [own, ...command.commands.flatMap((each) => wordsOf(each, [...path, each.name()]))];
}

const choicesOf = ({ argChoices, flags }: Option): readonly string[] | "files" | "any" =>
  argChoices ?? (/<[^>]*(?:file|path|folder)[^>]*>/.test(flags) ? "files" : "any");

/** Nothing but this goes into a script: what it holds is run by a shell. */
const plain = /^[\w./:-]+$/;
const wordList = (words: readonly string[]): string => words.filter((word) => plain.test(word)).join(" ");
const about = (text: string): string => text.replaceAll(/[^\w ,.<>|()/;-]/g, " ").trim();

export function bash(tree: readonly Words[]): string {
  const cases = tree.flatMap(({ path, words, values, choices }) => [
    ...values.map(({ option, choices: of }) =>
      of === "files"
        ? `    "${path}|${option}") return;;`
        : `    "${path}|${option}") COMPREPLY=($(compgen -W "${of === "any" ? "" : wordList(of)}" -- "$word")); return;;`,
    ),
    `    "${path}|"*) COMPREPLY=($(compgen -W "${wordList([...choices, ...words.map(({ word }) => word)])}" -- "$word")); return;;`,
  ]);
  const paths = tree.map(({ path }) => path).filter((path) => path !== "");
  return `# bash completion of tightbeam: source <(tightbeam completion bash)
_tightbeam() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="" each next
  COMPREPLY=()
  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$each" in -*) continue;; esac
    next="\${path:+$path }$each"
    case "|${paths.join("|")}|" in *"|$next|"*) path="$next";; esac
  done
  case "$before" in -*) ;; *) before="";; esac
  case "$path|$before" in
${cases.join("\n")}
  esac
}
complete -o default -F _tightbeam tightbeam
`;
}

export function zsh(tree: readonly Words[]): string {
  const cases = tree.flatMap(({ path, words, values, choices }) => [
    ...values.map(({ option, choices: of }) =>
      of === "files" ? `    "${path}|${option}") _files; return;;` : `    "${path}|${option}") compadd -- ${of === "any" ? "" : wordList(of)}; return;;`,
    ),
    `    "${path}|"*) list=(${[...choices.map((word) => ({ word, about: "" })), ...words]
      .filter(({ word }) => plain.test(word))
      .map(({ word, about: text }) => `'${word.replaceAll(":", "\\:")}:${about(text)}'`)
      .join(" ")}); _describe tightbeam list; return;;`,
  ]);
  const paths = tree.map(({ path }) => path).filter((path) => path !== "");
  return `#compdef tightbeam
# zsh completion of tightbeam: source <(tightbeam completion zsh)
_tightbeam() {
  local word="\${words[CURRENT]}" before="\${words[CURRENT-1]}" where="" each next
  local -a list
  for each in "\${(@)words[2,CURRENT-1]}"; do
    case "$each" in -*) continue;; esac
    next="\${where:+$where }$each"
    case "|${paths.join("|")}|" in *"|$next|"*) where="$next";; esac
  done
  case "$before" in -*) ;; *) before="";; esac
  case "$where|$before" in
${cases.join("\n")}
  esac
}
compdef _tightbeam tightbeam
`;
}
