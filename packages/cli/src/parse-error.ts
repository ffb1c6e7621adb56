import type { CommanderError } from "commander";
import { type CommandError, usageError } from "./command-error.js";
import type { CommandEntry } from "./invocation.js";

const secretLike = /^--?(?:token|secret|password|pass|key|private-?key|credential|store-?key|nkey)$/i;

/** What commander found wrong with a command line, without the values in it: somebody may have typed a secret. */
export function parseError(error: CommanderError, argv: readonly string[], entries: readonly CommandEntry[]): CommandError {
  if (error.code === "commander.help")
    return usageError("A sub-command is missing, or there is no command of this name.", "See `tightbeam --help` for all, and `tightbeam <command> --help`.");
  const [first = "", ...more] = error.message.replace(/^error: /, "").split("\n");
  const option = /unknown option '([^'=]*)/.exec(first)?.[1];
  const message = option === undefined ? first : `There is no option ${option}.`;
  const command = argv.find((word) => entries.some(({ name }) => name === word));
  const help = `See \`tightbeam ${command === undefined ? "" : `${command} `}--help\`.`;
  if (option !== undefined && secretLike.test(option)) {
    return usageError(
      message,
      "Secrets do not stand on a command line, where `ps` and the shell's history show them.\nGive a file (--key, --token-file, --secret-file, …), `-` for stdin, or an environment variable.",
    );
  }
  const suggestion = more
    .join(" ")
    .trim()
    .replace(/^\(|\)$/g, "");
  return usageError(
    `${message.charAt(0).toUpperCase()}${message.slice(1)}`.replace(/[^.]$/, "$&."),
    [suggestion, help].filter((each) => each !== "").join("\n"),
  );
}
