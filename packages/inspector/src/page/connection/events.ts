/** Longest event, in characters: a server that sends more is none of ours. */
const eventMax = 16 * 1024 * 1024;

/**
 * Reads server-sent events as text comes in (HTML, 9.2.6: lines end with CR LF, LF or CR; `data` lines of one event are joined with LF). Fields
 * other than `data` mean nothing here. Throws RangeError for an event that does not end.
 */
export function createEventReader(onData: (data: string) => void): { push(text: string): void } {
  let rest = "";
  let data: string[] = [];
  let length = 0;
  function line(text: string): void {
    if (text === "") {
      if (data.length > 0) onData(data.join("\n"));
      data = [];
      length = 0;
      return;
    }
    if (text.startsWith(":")) return;
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    if (field !== "data") return;
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    length += value.length;
    if (length > eventMax) throw new RangeError("an event of the feed does not end");
    data.push(value);
  }
  return {
    push(text) {
      rest += text;
      if (rest.length > eventMax) throw new RangeError("a line of the feed does not end");
      // A CR at the end may be half of a CR LF: it waits for what follows.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const each of lines) line(each);
    },
  };
}
