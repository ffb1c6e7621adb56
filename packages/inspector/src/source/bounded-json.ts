import type { Revealed } from "../feed/requests.js";

const textMax = 16 * 1024;
const bytesMax = 512;
const depthMax = 32;

/** A payload as text of at most 16 KiB, however large or strange it is: what does not fit is not visited. */
export function reveal(payload: unknown): Revealed {
  if (payload instanceof Uint8Array) {
    const shown = Buffer.from(payload.subarray(0, bytesMax));
    return { form: "bytes", text: shown.toString("hex"), bytes: payload.length, cut: payload.length > bytesMax };
  }
  const writer = createWriter();
  writer.value(payload, 0);
  const { text, cut } = writer;
  return { form: "json", text, bytes: cut ? 0 : Buffer.byteLength(text), cut };
}

function createWriter() {
  const pieces: string[] = [];
  let room = textMax;
  let cut = false;

  function say(piece: string): void {
    if (piece.length > room) cut = true;
    if (room > 0) pieces.push(piece.slice(0, room));
    room -= piece.length;
  }

  function list(open: string, close: string, items: Iterable<() => void>, depth: number): void {
    say(open);
    let empty = true;
    for (const item of items) {
      if (room <= 0) break;
      say(`${empty ? "" : ","}\n${"  ".repeat(depth + 1)}`);
      empty = false;
      item();
    }
    say(empty ? close : `\n${"  ".repeat(depth)}${close}`);
  }

  function value(given: unknown, depth: number): void {
    if (room <= 0) {
      cut = true;
    } else if (depth > depthMax) {
      cut = true;
      say('"…"');
    } else if (typeof given === "string") say(JSON.stringify(given.length > room ? given.slice(0, room) : given));
    else if (given instanceof Uint8Array) say(`"${given.length} bytes"`);
    else if (Array.isArray(given)) list("[", "]", entries(given, depth), depth);
    else if (typeof given === "object" && given !== null) list("{", "}", members(given, depth), depth);
    else say(typeof given === "bigint" ? `${given}` : (JSON.stringify(given) ?? "undefined"));
  }

  function* entries(given: readonly unknown[], depth: number): Generator<() => void> {
    for (const item of given) yield () => value(item, depth + 1);
  }

  function* members(given: object, depth: number): Generator<() => void> {
    for (const key in given) {
      if (!Object.hasOwn(given, key)) continue;
      yield () => {
        say(`${JSON.stringify(key.slice(0, Math.max(0, room)))}: `);
        value((given as Record<string, unknown>)[key], depth + 1);
      };
    }
  }

  return {
    value,
    get text() {
      return pieces.join("");
    },
    get cut() {
      return cut;
    },
  };
}
