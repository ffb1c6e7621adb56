// What the commands of package.json take. `--help` prints how they are used; what they do not take ends them with that, and exit code 2.
import { parseArgs } from "node:util";

/** Ends the process. */
export function refuse(usage, wrong) {
  process.stderr.write(`${wrong}\n\n${usage}\n`);
  process.exit(2);
}

/** `config` is that of `node:util`'s parseArgs; `--help` is among its options by itself. */
export function readArguments(usage, config = {}) {
  try {
    const { values, positionals } = parseArgs({ ...config, options: { ...config.options, help: { type: "boolean", short: "h" } } });
    if (!values.help) return { values, positionals };
  } catch (error) {
    refuse(usage, error.message.split(". ", 1)[0]);
  }
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}

/** Whole numbers from 1 in the order of their names, each with what it is when it is not given. */
export function readNumbers(usage, defaults) {
  const { positionals } = readArguments(usage, { allowPositionals: true });
  const names = Object.keys(defaults);
  if (positionals.length > names.length) refuse(usage, `Unexpected argument '${positionals[names.length]}'`);
  return Object.fromEntries(names.map((name, at) => [name, readWhole(usage, `<${name}>`, positionals[at] ?? defaults[name])]));
}

export function readWhole(usage, name, text) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) refuse(usage, `${name} is a whole number from 1, not '${text}'`);
  return value;
}
