import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { tableRows } from "../../../../test/docs/pages.js";
import { type Logger, type LogLevel, logLevels, logTo } from "../../src/observability/log.js";
import { createEmitter } from "../../src/telemetry/events.js";
import type { AgentTelemetry, LinkMoment, MessageMoment, TelemetryEvent, TelemetryWishes } from "../../src/telemetry/types.js";

function fakeAgent() {
  const events = createEmitter<TelemetryEvent>();
  const wishes: (TelemetryWishes | undefined)[] = [];
  const telemetry: AgentTelemetry = {
    on(listener, own) {
      wishes.push(own);
      return events.on(listener);
    },
    get listened() {
      return events.listened;
    },
  };
  return { agent: { id: "alice", telemetry }, tell: events.emit, wishes, telemetry };
}

function lines() {
  const written: { readonly level: LogLevel; readonly object: Readonly<Record<string, unknown>>; readonly message: string }[] = [];
  const at = (level: LogLevel) => (object: Readonly<Record<string, unknown>>, message: string) => void written.push({ level, object, message });
  const logger: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { logger, written };
}

const peer = { id: "bob", instance: "b".repeat(22) };
const message = (change: Partial<MessageMoment> = {}): MessageMoment => ({
  kind: "message",
  what: "failed",
  direction: "received",
  id: "01990000-0000-7000-8000-000000000000",
  type: "request",
  name: "summarize",
  peer,
  priority: "normal",
  bytes: 120,
  at: 1_000,
  ...change,
});
const link = (change: Partial<LinkMoment> = {}): LinkMoment => ({ kind: "link", what: "up", peer, at: 1_000, ...change });

describe("logTo", () => {
  it("writes a line with a fixed text and the event's fields, flat", () => {
    const { agent, tell } = fakeAgent();
    const { logger, written } = lines();
    logTo(agent, logger);
    tell(link());
    tell(message({ code: "handler_failed", duration: 12, trace: { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true } }));
    expect(written).toEqual([
      { level: "info", message: "link up", object: { agent: "alice", event: "link.up", peer: "bob", instance: peer.instance } },
      {
        level: "warn",
        message: "message failed",
        object: {
          agent: "alice",
          event: "message.failed",
          direction: "received",
          id: "01990000-0000-7000-8000-000000000000",
          type: "request",
          name: "summarize",
          peer: "bob",
          instance: peer.instance,
          priority: "normal",
          bytes: 120,
          code: "handler_failed",
          duration: 12,
          traceId: "0af7651916cd43dd8448eb211c80319c",
          spanId: "b7ad6b7169203331",
        },
      },
    ]);
  });

  it.each(["debug", "info", "warn", "error"] as const)("writes from %s on, each event at the level of the table", (level) => {
    const { agent, tell } = fakeAgent();
    const { logger, written } = lines();
    logTo(agent, logger, { level });
    const order = ["debug", "info", "warn", "error"];
    const expected: string[] = [];
    for (const [kind, all] of Object.entries(logLevels))
      for (const [what, own] of Object.entries(all)) {
        tell({ kind, what, at: 1_000, peer: "bob" } as never);
        if (order.indexOf(own) >= order.indexOf(level)) expected.push(`${own} ${kind} ${what}`);
      }
    expect(written.map((line) => `${line.level} ${line.message}`)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(0);
  });

  it("warns of a link that ended otherwise than by a goodbye, or with something undelivered", () => {
    const { agent, tell } = fakeAgent();
    const { logger, written } = lines();
    logTo(agent, logger);
    tell(link({ what: "ended" }));
    tell(link({ what: "ended", code: "closed", undelivered: 0 }));
    tell(link({ what: "ended", code: "closed", undelivered: 2 }));
    tell(link({ what: "ended", code: "no_answer" }));
    expect(written.map(({ level }) => level)).toEqual(["info", "info", "warn", "warn"]);
  });

  it("wishes no stages of messages that it would not write", () => {
    const { agent, wishes } = fakeAgent();
    const { logger } = lines();
    logTo(agent, logger);
    logTo(agent, logger, { level: "debug" });
    expect(wishes[0]?.messages?.("id", undefined)).toBe(false);
    expect(wishes[1]).toBeUndefined();
  });

  it("ends, and then nobody listens", () => {
    const { agent, tell, telemetry } = fakeAgent();
    const { logger, written } = lines();
    const end = logTo(agent, logger);
    end();
    tell(link());
    expect(written).toEqual([]);
    expect(telemetry.listened).toBe(false);
  });

  it("lets nothing out of the logger: neither what it throws nor what it rejects with", async () => {
    const { agent, tell } = fakeAgent();
    const unhandled: unknown[] = [];
    const hear = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", hear);
    const fails = {
      debug: () => undefined,
      info: () => {
        throw new Error("disk full");
      },
      warn: () => Promise.reject(new Error("disk full")),
      error: () => undefined,
    };
    const { logger, written } = lines();
    logTo(agent, fails);
    logTo(agent, logger);
    expect(() => tell(link())).not.toThrow();
    expect(() => tell(link({ what: "down" }))).not.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", hear);
    expect(unhandled).toEqual([]);
    expect(written).toHaveLength(2);
  });

  it.each([
    [undefined, {}, /A logger has/],
    [{ info: () => undefined }, {}, /A logger has/],
    [lines().logger, { level: "trace" }, /logTo\.level is "debug" or/],
    [lines().logger, { level: "toString" }, /logTo\.level is "debug" or/],
    [lines().logger, { perSecond: 0 }, /at least 1/],
    [lines().logger, { perSecond: Number.NaN }, /at least 1/],
    [lines().logger, { levl: "debug" }, /has no option .levl.. Its options are level, perSecond/],
    [lines().logger, null, /logTo is an object of/],
  ])("refuses %j, %j", (logger, options, text) => {
    expect(() => logTo(fakeAgent().agent, logger as never, options as never)).toThrow(text);
  });
});

describe("docs/logging.md", () => {
  it("shows every event at its level", () => {
    const path = "docs/logging.md";
    const rows = tableRows({ path, text: readFileSync(join(import.meta.dirname, "../../../..", path), "utf8") }, "log levels");
    const shown = rows.flatMap(([kind = "", ...columns]) =>
      columns.flatMap((column, i) => column.split(" ").flatMap((what) => (what === "" ? [] : [`${kind}.${what} ${["debug", "info", "warn", "error"][i]}`]))),
    );
    const levels = Object.entries(logLevels).flatMap(([kind, all]) => Object.entries(all).map(([what, level]) => `${kind}.${what} ${level}`));
    expect(shown.sort()).toEqual(levels.sort());
  });
});

describe("TM-225 lines that strangers cause", () => {
  it("are at most ten a second of a sort, and the next one says how many there were more", () => {
    const { agent, tell } = fakeAgent();
    const { logger, written } = lines();
    logTo(agent, logger);
    for (let i = 0; i < 5_000; i++) tell(message({ code: "no_handler", name: `made-up-${i}`, at: 1_000 + (i % 1_000) }));
    expect(written).toHaveLength(10);
    tell(message({ code: "handler_failed", at: 1_999 }));
    expect(written).toHaveLength(11);
    tell(message({ code: "no_handler", at: 2_000 }));
    expect(written[11]?.object).toMatchObject({ suppressed: 4_990 });
    tell(message({ code: "no_handler", at: 2_001 }));
    expect(written[12]?.object).not.toHaveProperty("suppressed");
  });

  it("also when the clock goes back", () => {
    const { agent, tell } = fakeAgent();
    const { logger, written } = lines();
    logTo(agent, logger, { perSecond: 1 });
    for (const at of [10_000, 10_001, 5_000, 5_001]) tell(message({ code: "no_handler", at }));
    expect(written.map(({ object }) => object.suppressed)).toEqual([undefined, 1]);
  });

  it("write nothing of theirs into the text", () => {
    const { agent, tell } = fakeAgent();
    const { logger, written } = lines();
    logTo(agent, logger);
    tell(message({ name: "x\n[error] forged line", code: "no_handler" }));
    expect(written[0]?.message).toBe("message failed");
  });
});

describe("pino", () => {
  it("fits as it is", () => {
    const written: string[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk.toString());
        done();
      },
    });
    const { agent, tell } = fakeAgent();
    logTo(agent, pino({ level: "debug" }, sink), { level: "debug" });
    tell(link());
    tell(message({ what: "queued", direction: "sent", name: "x\nforged" }));
    const parsed = written.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed).toMatchObject([
      { level: 30, msg: "link up", agent: "alice", peer: "bob" },
      { level: 20, msg: "message queued", event: "message.queued", name: "x\nforged" },
    ]);
    expect(written.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
  });
});
