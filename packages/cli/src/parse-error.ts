import type { Command, CommanderError } from "commander";
import { type CommandError, usageError } from "./command-error.js";

const secretLike = /^--?(?:token|secret|password|pass|key|private-?key|credential|store-?key|nkey)$/i;

/** What commander found wrong with a command line, without the values in it: somebody may have typed a secret. */
export function parseError(error: CommanderError, argv: readonly string[], program: Command | undefined): CommandError {
  if (error.code === "commander.help")
    return usageError("A sub-command is missing, or there is no command of this name.", "See `tightbeam --help` for all, and `tightbeam <command> --help`.");
  const [first = "", ...more] = error.message.replace(/^error: /, "").split("\n");
  const option = /unknown option '([^'=]*)/.exec(first)?.[1];
  const message = option === undefined ? first : `There is no option ${option}.`;
  const help = `See \`tightbeam ${pathOf(argv, program)
    .map((name) => `${name} `)
    .join("")}--help\`.`;
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

/** The command that was meant, and its sub-command. */
function pathOf(argv: readonly string[], program: Command | undefined): readonly string[] {
  const command = program?.commands.find((each) => argv.includes(each.name()));
  return command === undefined ? [] : [command.name(), ...pathOf(argv.slice(argv.indexOf(command.name()) + 1), command)];
}
