import { readArguments, readWhole } from "../scripts/arguments.mjs";

const usage = `Usage: npm run bench -- [--quick] [--rows <part of a name>] [--rounds <n>] [--pin] [--json]

Measures the built packages against raw ws and others. A whole run writes bench/RESULTS.md.

  --quick     less exact, and RESULTS.md stays
  --rows      only rows whose name has this in it
  --rounds    of each row (default 7, with --quick 3)
  --pin       gives each side a core of its own (Linux): steadier on a machine that does nothing else
  --json      prints figures as JSON, and nothing on the way
  --help      this text

WS_NO_BUFFER_UTIL=1 turns masking in C off on all sides.`;

const { values } = readArguments(usage, {
  options: {
    quick: { type: "boolean", default: false },
    rows: { type: "string", default: "" },
    rounds: { type: "string" },
    pin: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

export const options = { ...values, rounds: readWhole(usage, "--rounds", values.rounds ?? (values.quick ? 3 : 7)) };
