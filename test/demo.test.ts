import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { main } from "../examples/demo/main.js";
import { createScreen, hexdump, wrap } from "../examples/demo/screen.js";
import type { Stage } from "../examples/demo/stage.js";
import type { Evidence } from "../examples/demo/story.js";
import { createMessageReader, findClear, readSend } from "../examples/demo/tap.js";
import { faults } from "../examples/demo/verdict.js";
import { needNatsServer } from "../packages/nats/test/broker.js";

const root = fileURLToPath(new URL("..", import.meta.url));
/** The one line of each transport. */
const lines: Readonly<Record<string, string>> = {
  websocket: "runAgent(({ url, identity }) => connectWebSocket(url, { identity }));",
  nats: "runAgent(({ url }) => connectNats({ servers: url }));",
  memory: "const transport = await connectMemory(hub);",
};
const running = new Set<ChildProcess>();

let place = "";
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "tightbeam-demo-test-"));
});
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
  rmSync(place, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  readonly ms: number;
}

/** `onOutput` sees what has been printed so far. */
function demo(args: readonly string[], onOutput: (output: string, child: ChildProcess) => void = () => undefined): Promise<Ended> {
  const start = performance.now();
  const child = spawn(process.execPath, ["scripts/demo.mjs", ...args], { cwd: root, env: { ...process.env, NODE_OPTIONS: "", TMPDIR: place } });
  running.add(child);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    onOutput(output, child);
  });
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve) =>
    child.once("close", (code) => {
      running.delete(child);
      resolve({ code, output, errors, ms: performance.now() - start });
    }),
  );
}

const pidOf = (name: string, output: string): number | undefined => {
  const found = new RegExp(`^  ${name} +pid (\\d+)`, "m").exec(output)?.[1];
  return found === undefined ? undefined : Number(found);
};

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

describe("npm run demo", () => {
  it.for(Object.keys(lines))("loses and doubles nothing over %s, and leaves nothing behind", { timeout: 70_000 }, async (transport, context) => {
    if (transport === "nats") needNatsServer(context);
    const { code, output, errors, ms } = await demo(["--transport", transport]);
    expect(errors).toBe("");
    expect(
      output.match(/^ {2}(?:alice|bob) +(?:peers|relay) +[\w-]{43} {2}\d\d:\d\d:\d\d$/gm),
      "a token for peers each, and one for the relay where there is one",
    ).toHaveLength(transport === "websocket" ? 4 : 2);
    expect(output).toContain("Noise XX, X25519 and ML-KEM-768 together");
    expect(output).toMatch(/id 0x0101, agreed in [\d.,]+ ms/);
    const [asked = "", got = ""] = output.split(/^ {2}bob asked \(69 bytes\):$/m)[1]?.split(/^ {2}the .* got for inbox\/alice\//m) ?? [];
    expect(asked).toContain('{"text":"The vau');
    expect(got.match(/^ {4}[0-9a-f]{4}(?: {1,2}[0-9a-f]{2}){16}/gm)?.length, "what the tap saw, in hex").toBeGreaterThan(5);
    expect(got).not.toContain("vau");
    for (const row of ["one at a time", "at once, before the outage", "at once, all"])
      expect(output).toMatch(new RegExp(`^ {2}${row} +[\\d.,]+ m?s +[\\d.,]+ m?s +[\\d,]+ requests$`, "m"));
    expect(output).toMatch(/^ {2}messages +20,000 requests, 20,000 replies$/m);
    expect(output).toMatch(/^ {2}lost +0$/m);
    expect(output).toMatch(/^ {2}doubled +0$/m);
    expect(output).toMatch(/^ {2}reconnects +alice [1-9], bob [1-9]$/m);
    expect(output, "requests were open when it went away").toMatch(/, [1-9][\d,]* requests open$/m);
    expect(output.match(/^ {2}(?:alice|bob) saw +[\w-]{43} {2}the same$/gm)).toHaveLength(2);
    expect(output).toContain("refuses: invalid_input, input.text:");
    expect(output).toContain(lines[transport]);
    expect(output.trim().split("\n").at(-1)).toMatch(/^Every reply arrived once\./);
    expect(code).toBe(0);

    expect(output, "a token or a private key").not.toMatch(/eyJ[\w-]{8}|"d":/);
    for (const control of ["\x1b", "\r"]) expect(output, "colours or a moving line where nobody watches").not.toContain(control);
    expect(output.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(ms).toBeLessThan(30_000);
    expect(readdirSync(place)).toEqual([]);
    if (transport === "memory") {
      expect(output).toContain("Nothing is killed here");
      expect(output.match(/hub cut/g)).toHaveLength(2);
      return;
    }
    const middle = transport === "nats" ? "nats-server" : "relay";
    expect(output.match(new RegExp(`${middle} \\(pid \\d+\\) killed, SIGKILL`, "g"))).toHaveLength(2);
    const pids = [...output.matchAll(/\bpid (\d+)/g)].map(([, pid]) => Number(pid));
    expect(new Set(pids).size, "relay or server three times, and the agents").toBe(5);
    for (const pid of pids) expect(await isGone(pid), `${pid}`).toBe(true);
  });

  it("fails in a sentence when an agent dies, and ends the others", { timeout: 70_000 }, async () => {
    let killed = false;
    const { code, output } = await demo([], (soFar) => {
      const pid = pidOf("alice", soFar);
      if (killed || pid === undefined || !soFar.includes("3. Typed")) return;
      killed = true;
      process.kill(pid, "SIGKILL");
    });
    expect(output).toMatch(/^FAILED: The alice process \(pid \d+\) died unexpectedly: SIGKILL\.$/m);
    expect(code).toBe(1);
    for (const name of ["relay", "bob"]) expect(await isGone(pidOf(name, output) as number)).toBe(true);
  });

  it.for([
    ["websocket", "relay"],
    ["nats", "nats-server"],
  ] as const)("over %s ends its processes when interrupted, and when it is killed itself", { timeout: 70_000 }, async ([transport, middle], context) => {
    if (transport === "nats") needNatsServer(context);
    for (const [signal, expected] of [
      ["SIGINT", 130],
      ["SIGKILL", null],
    ] as const) {
      const { code, output } = await demo(["--transport", transport], (soFar, child) => {
        if (soFar.includes("2. Handshake")) child.kill(signal);
      });
      expect(code).toBe(expected);
      for (const name of [middle, "alice", "bob"]) expect(await isGone(pidOf(name, output) as number), `${name} after ${signal}`).toBe(true);
    }
  });

  it("fails in a sentence when the nats-server dies, and ends the agents", { timeout: 70_000 }, async (context) => {
    needNatsServer(context);
    let killed = false;
    const { code, output } = await demo(["--transport", "nats"], (soFar) => {
      const pid = pidOf("nats-server", soFar);
      if (killed || pid === undefined || !soFar.includes("3. Typed")) return;
      killed = true;
      process.kill(pid, "SIGKILL");
    });
    expect(output).toMatch(/^FAILED: The nats-server process .*died unexpectedly/m);
    expect(output).toMatch(/^nats-server \(pid \d+\): SIGKILL$/m);
    expect(code).toBe(1);
    for (const name of ["alice", "bob"]) expect(await isGone(pidOf(name, output) as number)).toBe(true);
  });

  it("without a nats-server says why there is none and what to install", async () => {
    const errors = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const natsServer = () => ({ reason: "only root on Debian may install it", install: "install nats-server" });
    const unused = { folder: new URL("file:///"), agents: { websocket: "", nats: "" }, relay: "", broker: "" };
    expect(await main(["--transport", "nats"], { ...unused, natsServer })).toBe(2);
    expect(errors.mock.calls[0]?.[0]).toBe(
      "unavailable: The demo over NATS needs a nats-server (only root on Debian may install it): install nats-server.\nSee npm run demo -- --help.\n",
    );
    errors.mockRestore();
  });

  it("over NATS differs from over WebSocket in one line of the application, and its import", () => {
    const [webSocket, nats] = ["websocket", "nats"].map((name) => readFileSync(join(root, `examples/demo/agent-${name}.ts`), "utf8").split("\n"));
    expect(nats).toHaveLength(webSocket?.length ?? 0);
    const differing = webSocket?.flatMap((line, index) => (line === nats?.[index] ? [] : [[line, nats?.[index]]]));
    expect(differing).toEqual([
      ['import { connectWebSocket } from "@tightbeam/websocket";', 'import { connectNats } from "@tightbeam/nats";'],
      [lines.websocket, lines.nats],
    ]);
    const readme = readFileSync(join(root, "examples/README.md"), "utf8");
    for (const line of Object.values(lines)) expect(readme).toContain(line);
    const application = readdirSync(join(root, "examples/demo"))
      .filter((file) => !/^(?:agent-|carrier-|memory|relay)/.test(file))
      .map((file) => readFileSync(join(root, "examples/demo", file), "utf8"));
    expect(application.filter((text) => /@tightbeam\/(?:websocket|nats|memory)/.test(text))).toEqual([]);
  });

  it.each([
    [["--transport", "pigeon"], 2, "invalid_argument: 'pigeon' is no transport of this demo; choose websocket, nats or memory."],
    [["--speed"], 2, "invalid_argument: Unknown option '--speed'."],
    [["now"], 2, "invalid_argument: Unexpected argument 'now'"],
  ])("refuses %j", async (args, code, message) => {
    const ended = await demo(args);
    expect(ended.errors).toContain(message);
    expect(ended.errors).toContain("See npm run demo -- --help.");
    expect(ended).toMatchObject({ code, output: "" });
  });

  it("explains itself", async () => {
    expect(await demo(["--help"])).toMatchObject({ code: 0, output: expect.stringContaining("--transport websocket|nats|memory"), errors: "" });
  });
});

describe("examples/quickstart.ts", () => {
  it("does what it says", () => {
    const { status, stdout } = spawnSync(process.execPath, ["--import", "tsx", "--conditions=@tightbeam/source", "examples/quickstart.ts"], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    expect(stdout.trim().split("\n")).toEqual(["Tightbeam", "Bob was here."]);
    expect(status).toBe(0);
  });
});

describe("the demo's verdict", () => {
  const latency = { count: 10, p50: 1, p99: 2 };
  const good: Evidence = {
    keysMatch: true,
    refusal: "invalid_input",
    requestsRight: true,
    calm: latency,
    burst: { total: 10, lost: 0, doubled: 0, complaints: [], took: 5, before: latency, all: latency, longestPause: 1 },
    openAtStrikes: [7, 3],
    reconnects: { alice: 2, bob: 2 },
    counted: { numbers: 10, repeated: 0 },
    leaks: [],
  };
  const judge = (part: Partial<Evidence>): string[] => faults({ middle: "relay" } as Stage, { ...good, ...part });

  it("passes what is right", () => expect(judge({})).toEqual([]));

  it.each<[Partial<Evidence>, string]>([
    [{ burst: { ...good.burst, lost: 2, complaints: ["timeout: late"] } }, "2 of 10 requests have no reply (timeout: late)."],
    [{ burst: { ...good.burst, doubled: 1 } }, "1 replies arrived more than once."],
    [{ counted: { numbers: 10, repeated: 1 } }, "handler ran more than once for 1"],
    [{ counted: { numbers: 9, repeated: 0 } }, "Alice saw 9 of 10"],
    [{ keysMatch: false }, "same keys"],
    [{ requestsRight: false }, "wrong reply"],
    [{ refusal: "none" }, "the answer was: none"],
    [{ openAtStrikes: [0, 0] }, "over before the relay"],
    [{ reconnects: { alice: 2, bob: 1 } }, "did not come back"],
    [{ leaks: ["it saw a token that only peers may see"] }, "The tap: it saw a token"],
  ])("finds %j", (part, sentence) => {
    const found = judge(part);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(sentence);
  });
});

describe("the demo's tap", () => {
  const mask = Buffer.from([1, 2, 3, 4]);
  const frame = (payload: Buffer): Buffer => {
    const head = payload.length < 126 ? Buffer.from([0x82, 0x80 | payload.length]) : Buffer.from([0x82, 0xfe, payload.length >> 8, payload.length & 0xff]);
    return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ (mask[index & 3] as number))]);
  };

  it("takes masking off and finds the frames, however the bytes are cut", () => {
    const messages = [Buffer.from("short"), Buffer.alloc(0), Buffer.alloc(5_000, "long "), Buffer.from("last")];
    const bytes = Buffer.concat(messages.map(frame));
    for (const size of [1, 3, 126, 4_096, bytes.length]) {
      const seen: Buffer[] = [];
      const read = createMessageReader((message) => seen.push(Buffer.from(message)));
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
      expect(Buffer.concat(seen).equals(Buffer.concat(messages))).toBe(true);
      expect(seen.map(({ length }) => length)).toEqual([5, 0, 5_000, 4]);
    }
  });

  it("finds a message in the clear, also a part of it", () => {
    const message = Buffer.from("The vault opens at dawn.");
    const noise = Buffer.from([0, 255, 84, 104, 101, 17]);
    expect(findClear(Buffer.concat([noise, Buffer.from("vault open"), noise]), message)).toBe(4);
    expect(findClear(Buffer.concat([noise, Buffer.from("at dawn"), noise]), message)).toBeUndefined();
  });

  it("reads where a frame goes, and only from SEND", () => {
    const address = Buffer.from("inbox/alice/x");
    const message = Buffer.concat([Buffer.from([8, 0, 0, 0, 0, 0, address.length]), address, Buffer.from("frame")]);
    expect(readSend(message)).toEqual({ to: "inbox/alice/x", frame: Buffer.from("frame") });
    message[0] = 2;
    expect(readSend(message)).toBeUndefined();
  });
});

describe("the demo's screen", () => {
  const print = (out: { isTTY?: boolean }, env: Record<string, string>): string => {
    let text = "";
    const screen = createScreen({ ...out, write: (part: string) => (text += part) }, env);
    screen.live("moving");
    screen.line(screen.paint.good("done"));
    return text;
  };

  it("uses colours and a moving line only on a terminal, and no colours with NO_COLOR", () => {
    expect(print({ isTTY: true }, {})).toBe("\r\x1b[Kmoving\r\x1b[K\x1b[32mdone\x1b[0m\n");
    expect(print({ isTTY: true }, { NO_COLOR: "1" })).toBe("\r\x1b[Kmoving\r\x1b[Kdone\n");
    expect(print({ isTTY: true }, { TERM: "dumb" })).toBe("done\n");
    expect(print({}, {})).toBe("done\n");
  });

  it("dumps bytes as hexdump does, and wraps under the start", () => {
    expect(hexdump(Buffer.from("Tightbeam\n"))).toEqual(["0000  54 69 67 68 74 62 65 61 6d 0a                    Tightbeam."]);
    expect(wrap("  bob ", `${"a".repeat(70)} ${"b".repeat(70)}`)).toEqual([`  bob ${"a".repeat(70)}`, `      ${"b".repeat(70)}`]);
  });
});
