import { Argument, type Command } from "commander";
import type { Frame } from "../invocation.js";

export function define(command: Command, { action, whole }: Frame): void {
  command
    .addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh"]))
    .description("Prints a script that completes commands, options and their values.")
    .addHelpText("after", "\nFor bash, in ~/.bashrc:  source <(tightbeam completion bash)\nFor zsh, in ~/.zshrc:    source <(tightbeam completion zsh)")
    .action(
      action(async ({ output }, _options, shell) => {
        const scripts = await import("../completion/scripts.js");
        const words = scripts.wordsOf(await whole());
        await output.text(shell === "zsh" ? scripts.zsh(words) : scripts.bash(words));
      }),
    );
}
