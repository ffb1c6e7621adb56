import type { Finding, SourceFile } from "../repository/source.js";

/** The rows of the table behind `<!-- table: name -->`, without its head; cells without backticks. */
export function tableRows({ path, text }: SourceFile, name: string): readonly (readonly string[])[] {
  const mark = `<!-- table: ${name} -->\n`;
  const start = text.indexOf(mark);
  if (start < 0) throw new Error(`${path} has no table "${name}"`);
  const [table = ""] = text.slice(start + mark.length).split(/\n(?!\|)/, 1);
  return table.split("\n").slice(2).map(cellsOf);
}

const cellsOf = (row: string): string[] =>
  row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll("`", ""));

/** A number as the pages write it: `16384`, `0x0101` or `2^48`. */
export function numberOf(text: string): number {
  const power = /^(\d+)\^(\d+)$/.exec(text);
  if (power !== null) return Number(power[1]) ** Number(power[2]);
  return /^(?:\d+|0x[0-9a-f]+)$/.test(text) ? Number(text) : Number.NaN;
}

/** A table's names and numbers are those of the code. `whole`: the table has all of them. */
export function checkNumbers(
  page: SourceFile,
  table: string,
  code: Readonly<Record<string, number>>,
  columns: { readonly name: number; readonly value: number },
  whole: boolean,
): Finding[] {
  const findings: Finding[] = [];
  const named = new Set<string>();
  const say = (message: string): void => void findings.push({ path: page.path, message: `table "${table}": ${message}` });
  for (const cells of tableRows(page, table)) {
    const name = cells[columns.name] ?? "";
    const value = cells[columns.value] ?? "";
    if (named.has(name)) say(`${name} stands there twice`);
    named.add(name);
    if (!Object.hasOwn(code, name)) say(`${name} is not in the code`);
    else if (numberOf(value) !== code[name]) say(`${name} is ${value}, in the code ${code[name]}`);
  }
  if (whole) for (const name of Object.keys(code).filter((each) => !named.has(each))) say(`${name} is missing`);
  return findings;
}

/** Every error code has one row that says what the code of the library says about retrying, and every row has its code. */
export function checkErrorCodes(page: SourceFile, codes: Readonly<Record<string, { readonly retryable: boolean }>>): Finding[] {
  const rows = page.text
    .split("\n")
    .filter((line) => /^\| `\w+` \|/.test(line))
    .map(cellsOf);
  const names = rows.map(([name = ""]) => name);
  const say = (message: string): Finding => ({ path: page.path, message });
  return [
    ...Object.keys(codes)
      .filter((code) => !names.includes(code))
      .map((code) => say(`${code} has no row`)),
    ...names.filter((name, i) => names.indexOf(name) !== i).map((name) => say(`${name} has two rows`)),
    ...rows.flatMap((cells) => {
      const [name = "", happened = "", advice = "", retryable = "", raisedBy = ""] = cells;
      if (!Object.hasOwn(codes, name)) return [say(`${name} is no code`)];
      if (cells.length !== 5 || happened === "" || advice === "" || raisedBy === "") return [say(`${name} has an empty cell`)];
      return /^(?:yes|no)\b/.exec(retryable)?.[0] === (codes[name]?.retryable ? "yes" : "no") ? [] : [say(`${name}: retryable is not as in the code`)];
    }),
  ];
}

/** Every relative link leads to a file, and its anchor, if any, to a heading. `read` gives undefined for what is not there, "" for a folder. */
export function checkLinks(page: SourceFile, read: (path: string) => string | undefined): Finding[] {
  const prose = page.text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string).filter((link) => !/^[a-z]+:/.test(link));
  return links.flatMap((link) => {
    const [file = "", anchor] = link.split("#", 2);
    const target = file === "" ? page.path : join(page.path, file);
    const text = file === "" ? page.text : read(target);
    if (text === undefined) return [{ path: page.path, message: `links to ${link}, which is not there` }];
    return anchor === undefined || headingsOf(text).includes(anchor) ? [] : [{ path: page.path, message: `links to ${link}, which has no such heading` }];
  });
}

/** `file` seen from the folder of `page`. */
function join(page: string, file: string): string {
  const parts = page.split("/").slice(0, -1);
  for (const part of file.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/").replace(/\/$/, "");
}

/** As GitHub makes anchors of them. */
const headingsOf = (text: string): string[] =>
  [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
