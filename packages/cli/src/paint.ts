import type { Io } from "./io.js";
import { printable } from "./printable.js";

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], cyan: [36, 39] } as const;

/** Colours, or the same text where there are none. */
export type Paint = Readonly<Record<keyof typeof codes, (text: string) => string>>;

export const paintWith = (colours: boolean): Paint =>
  Object.fromEntries(
    Object.entries(codes).map(([name, [on, off]]) => [name, colours ? (text: string) => `\u001b[${on}m${text}\u001b[${off}m` : (text: string) => text]),
  ) as Paint;

const painted = new RegExp(`(\\u001b\\[(?:${Object.values(codes).flat().join("|")})m)`);

/** Our colours as they are, and any other control shown: whatever a line was made of. */
export const onlyPainted = (text: string): string =>
  text
    .split(painted)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join("");

/** FORCE_COLOR, then NO_COLOR (no-color.org), then whether it is a terminal that has them. */
export function wantsColours({ env }: Pick<Io, "env">, stream: { readonly isTTY?: boolean }): boolean {
  const { FORCE_COLOR: force, NO_COLOR: none, TERM: term } = env;
  if (force !== undefined) return force !== "0" && force !== "false";
  return (none === undefined || none === "") && stream.isTTY === true && term !== "dumb";
}
