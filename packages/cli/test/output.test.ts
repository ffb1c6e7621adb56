import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createOutput } from "../src/output.js";
import { wantsColours } from "../src/paint.js";
import { createMemoryIo } from "./memory-io.js";

describe("output", () => {
  it("is JSON for programs and text for people", async () => {
    const json = createMemoryIo();
    const forPrograms = createOutput(json.io, true);
    await forPrograms.item({ a: 1, raw: new Uint8Array([1, 2, 3]) }, "one");
    forPrograms.note("only for people");
    forPrograms.warn("open_file", "Others may read it.");
    forPrograms.progress("working", 10).update(5);
    expect(json.stdout()).toBe('{"a":1,"raw":{"bytes":"AQID"}}\n');
    expect(json.stderr()).toBe('{"warning":{"code":"open_file","message":"Others may read it."}}\n');

    const text = createMemoryIo();
    const forPeople = createOutput(text.io, false);
    await forPeople.result({ a: 1 }, ({ bold }) => [bold("one"), "two"]);
    forPeople.note("a note");
    forPeople.warn("open_file", "Others may read it.");
    forPeople.progress("working", 10).update(5);
    expect(text.stdout()).toBe("one\ntwo\n");
    expect(text.stderr()).toBe("a note\nwarning: Others may read it.\n");
  });

  it("moves a line on a terminal", () => {
    const { io, stderr } = createMemoryIo({ terminal: true, env: { NO_COLOR: "1" } });
    const progress = createOutput(io, false).progress("working", 10);
    progress.update(5, "half");
    progress.end();
    expect(stderr()).toBe("\r\u001b[2Kworking 50 % half\r\u001b[2K");
  });

  const cases: [env: Record<string, string>, terminal: boolean, colours: boolean][] = [
    [{}, false, false],
    [{}, true, true],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ TERM: "dumb" }, true, false],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, true],
  ];
  it.each(cases)("with %j on a terminal (%s) has colours: %s", (env, isTTY, colours) => expect(wantsColours({ env }, { isTTY })).toBe(colours));

  it("TM-248 lets colours of its own through to a terminal, and no other control, whatever a command forgot", async () => {
    const terminal = createMemoryIo({ terminal: true });
    const output = createOutput(terminal.io, false);
    await output.item(1, ({ red, dim }) => `${red("one")} ${dim("two")} \u001b[2J\u001b]0;title\u0007\u009b1A\u202e`);
    output.note("\u001b[8mhidden");
    output.warn("odd", "first\nsecond");
    expect(terminal.stdout()).toBe("\u001b[31mone\u001b[39m \u001b[2mtwo\u001b[22m \\u001b[2J\\u001b]0;title\\u0007\\u009b1A\\u202e\n");
    expect(terminal.stderr()).toBe("\\u001b[8mhidden\n\u001b[33mwarning:\u001b[39m first\\nsecond\n");
  });

  it("TM-248 has no control in its JSON either, which is the same JSON", async () => {
    const { io, stdout } = createMemoryIo({ terminal: true });
    const value = { text: "\u001b[2J\u007f\u009b1A\u2028\u202e\n", "\u009b": 1 };
    await createOutput(io, true).item(value, "");
    expect(stdout()).toMatch(/^[ -~]+\n$/);
    expect(JSON.parse(stdout())).toEqual(value);
  });

  it("TM-248 leaves out what comes by itself while nobody reads stdout, and says so", () => {
    const { io, stderr } = createMemoryIo();
    let taken: () => void = () => undefined;
    const stdout = new Writable({ write: (_chunk, _encoding, done) => (taken = done) });
    const output = createOutput({ ...io, stdout }, false);
    for (let sent = 0; sent < 100; sent += 1) output.offer(sent, "x".repeat(1024 * 1024));
    expect(stdout.writableLength).toBeLessThan(6 * 1024 * 1024);
    expect(stderr()).toBe("warning: Whoever reads stdout is too slow: what comes now is left out.\n");
    while (stdout.writableLength > 0) taken();
    output.offer(100, "again");
    expect(stderr()).toMatch(/\nwarning: 9\d were left out.\n$/);
    expect(stdout.writableLength).toBe(6);
  });

  it("TM-248 shows control characters of raw bytes on a terminal, and passes them on in a pipe", async () => {
    const bytes = new TextEncoder().encode("a\u001b[31mb");
    const terminal = createMemoryIo({ terminal: true });
    await createOutput(terminal.io, true).bytes(bytes);
    expect(terminal.stdout()).toBe("a\\u001b[31mb");
    const pipe = createMemoryIo();
    await createOutput(pipe.io, false).bytes(bytes);
    expect(pipe.stdout()).toBe("a\u001b[31mb");
  });
});
