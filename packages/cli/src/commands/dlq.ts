import { type Command, Option } from "commander";
import { usageError } from "../command-error.js";
import type { Filter, Letter, Letters, LettersOptions } from "../dlq/letter.js";
import { errorNames } from "../exit-codes.js";
import type { Frame, Invocation } from "../invocation.js";
import { whole } from "../numbers.js";
import { oneLine } from "../printable.js";
import { agentOptions, storeOptions } from "../settings.js";

interface FilterOptions extends LettersOptions, Filter {
  readonly limit: number;
  readonly all?: boolean;
}

const most = 10_000;

export function define(command: Command, { action }: Frame): void {
  command.description(
    "Dead letters: messages that will not be tried again. --of an agent that runs and lets us look (serveInspection), or those in the --store of one that does not.",
  );
  const sub = (name: string, text: string): Command =>
    agentOptions(storeOptions(command.command(name).description(text).option("--of <agent>", "an agent that runs")));
  const filtered = (made: Command): Command =>
    made
      .addOption(new Option("--reason <code>", "only those of this reason").choices(errorNames))
      .option("--peer <id>", "only those for or from this agent")
      .option("--method <name>", "only those of this method");
  filtered(sub("list", "Lists letters, the newest first, without what was in them."))
    .option("--limit <number>", "so many", whole(1, most), 50)
    .action(action(list));
  sub("show", "Shows one letter, without what was in it.").argument("<id>", "as `list` shows it").action(action(show));
  filtered(sub("replay", "Tries letters again: one, or all that fit. Those that fail stay."))
    .argument("[id]", "as `list` shows it")
    .option("--all", "all, or all that fit the filter")
    .action(action(replay));
  filtered(sub("discard", "Removes letters for good: one, or all that fit."))
    .argument("[id]", "as `list` shows it")
    .option("--all", "all, or all that fit the filter")
    .action(action(discard));
  command.addHelpText("after", "\nExamples:\n  tightbeam dlq list --of alice\n  tightbeam dlq replay --of alice --method invoice --all");
}

const open = async (invocation: Invocation, options: LettersOptions): Promise<Letters> => (await import("../dlq/letters.js")).openLetters(invocation, options);

async function list(invocation: Invocation, options: FilterOptions): Promise<void> {
  const { output } = invocation;
  const { letters, more } = await (await open(invocation, options)).list(filterOf(options), options.limit);
  for (const letter of letters) await output.item({ type: "letter", ...letter }, lineOf(letter));
  output.note(letters.length === 0 ? "No letters." : more ? "There are more: --limit." : letters.length === 1 ? "1 letter." : `${letters.length} letters.`);
}

async function show(invocation: Invocation, options: LettersOptions, id = ""): Promise<void> {
  const letter = await (await open(invocation, options)).get(id);
  await invocation.output.result(letter, ({ bold }) => [
    bold(lineOf(letter)),
    `  cause      ${oneLine(letter.cause)}`,
    `  message    ${oneLine(letter.messageId ?? "cannot be decoded")}, ${letter.bytes} B, ${letter.priority}${letter.kept ? "" : ", not kept: it cannot be replayed"}`,
    `  first      ${time(letter.firstAt)}`,
    `  last       ${time(letter.lastAt)}, attempt ${letter.attempts}`,
  ]);
}

async function replay(invocation: Invocation, options: FilterOptions, id?: string): Promise<number> {
  const { output, signal } = invocation;
  mustChoose(options, id);
  const letters = await open(invocation, options);
  const ids = await chosen(letters, options, id);
  const progress = output.progress("replayed", ids.length);
  let failed = 0;
  for (const [index, each] of ids.entries()) {
    if (signal.aborted) break;
    progress.update(index);
    const error = await letters.replay(each);
    progress.end();
    if (error !== undefined) failed++;
    await output.item(
      { type: "replay", id: each, replayed: error === undefined, ...(error === undefined ? {} : { error }) },
      oneLine(error === undefined ? `${each} handled` : `${each} still a letter: ${error.code}: ${error.message}`),
    );
  }
  output.note(`${ids.length - failed} of ${ids.length} handled.`);
  return failed === 0 ? 0 : 1;
}

async function discard(invocation: Invocation, options: FilterOptions, id?: string): Promise<void> {
  mustChoose(options, id);
  const letters = await open(invocation, options);
  const ids = await chosen(letters, options, id);
  let discarded = 0;
  for (const each of ids) discarded += await letters.discard(each);
  if (id !== undefined && discarded === 0) throw (await import("../dlq/letter.js")).noSuch(id);
  await invocation.output.result({ discarded }, `${discarded} discarded.`);
}

/** One by its id, or with `--all` those that fit: neither is guessed. */
function mustChoose({ all }: FilterOptions, id: string | undefined): void {
  if ((id === undefined) === (all !== true))
    throw usageError("Which letters?", "Give one id, or --all, with --reason, --peer or --method to choose among them.");
}

async function chosen(letters: Letters, options: FilterOptions, id: string | undefined): Promise<readonly string[]> {
  if (id !== undefined) return [id];
  return (await letters.list(filterOf(options), most)).letters.map((letter) => letter.id);
}

const filterOf = ({ reason, peer, method }: FilterOptions): Filter => ({
  ...(reason === undefined ? {} : { reason }),
  ...(peer === undefined ? {} : { peer }),
  ...(method === undefined ? {} : { method }),
});

const lineOf = ({ id, lastAt, reason, side, peer, method, attempts }: Letter): string =>
  oneLine(
    `${id}  ${time(lastAt)}  ${reason.padEnd(16)} ${side === "sender" ? "to" : "from"} ${peer}  ${method}  ${attempts} ${attempts === 1 ? "try" : "tries"}`,
  );

const time = (at: number): string =>
  new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
