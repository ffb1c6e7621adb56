// How the demo looks: 80 columns, colours and a moving line only on a terminal.

export interface Out {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface Screen {
  heading(text: string): void;
  /** Without a text an empty line. */
  line(text?: string): void;
  /** One line that is written over until the next `line`; on anything but a terminal nothing. */
  live(text: string): void;
  readonly paint: Paint;
}

export type Paint = Readonly<Record<"strong" | "faint" | "good" | "bad", (text: string) => string>>;

const codes = { strong: "1", faint: "2", good: "32", bad: "31" } as const;
const width = 80;

export function createScreen(out: Out, env: Readonly<Record<string, string | undefined>>): Screen {
  const terminal = out.isTTY === true && env.TERM !== "dumb";
  const coloured = terminal && (env.NO_COLOR ?? "") === "";
  const colour = (code: string) => (text: string) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
  const paint = { strong: colour(codes.strong), faint: colour(codes.faint), good: colour(codes.good), bad: colour(codes.bad) };
  const erase = terminal ? "\r\x1b[K" : "";
  let alive = false;
  const line = (text = ""): void => {
    out.write(`${alive ? erase : ""}${text}\n`);
    alive = false;
  };
  return {
    paint,
    line,
    heading(text) {
      line();
      line(paint.strong(text));
    },
    live(text) {
      if (!terminal) return;
      out.write(`${erase}${text.slice(0, width - 1)}`);
      alive = true;
    },
  };
}

/** 12345 as "12,345". */
export const figure = (value: number): string => value.toString().replace(/\B(?=(\d{3})+$)/g, ",");

/** "0.84 ms", "12.3 ms", "412 ms". */
export const milliseconds = (ms: number): string => `${ms < 1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : figure(Math.round(ms))} ms`;

/** Breaks between words; the lines after the first begin with as many spaces as `start` is long. */
export function wrap(start: string, text: string): string[] {
  const lines: string[] = [];
  let line = start;
  for (const [index, word] of text.split(" ").entries()) {
    if (index > 0 && line.length + 1 + word.length > width) {
      lines.push(line);
      line = " ".repeat(start.length) + word;
    } else line += index === 0 ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** As `hexdump -C`: offset, 16 bytes, and what of them is ASCII. */
export function hexdump(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines;
}
