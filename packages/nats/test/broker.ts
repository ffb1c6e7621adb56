import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { findNatsServer, install } from "../../../scripts/nats-server.mjs";

const path = findNatsServer();
const installable = process.env.CI === "true" && process.getuid?.() === 0 && existsSync("/etc/debian_version") && !process.env.TIGHTBEAM_NO_INSTALL;
const missing = `there is no nats-server; ${install}`;

/** Skips the test where there is no nats-server; fails it in a CI that could have installed one. */
export function needNatsServer(context: { skip(note: string): never | void }): void {
  if (path !== undefined) return;
  if (installable) throw new Error(missing);
  context.skip(missing);
}

/** Defines the suites where there is a nats-server; elsewhere one test that is skipped, or fails in a CI that could have installed it. */
export function withNatsServer(name: string, define: () => void): void {
  if (path !== undefined) return define();
  test(name, (context) => needNatsServer(context));
}

export interface Broker {
  /** `127.0.0.1:4222`; the same after a restart. */
  readonly host: string;
  readonly url: string;
  readonly port: number;
  /** Where other servers of the cluster connect, when the configuration has one. */
  readonly route: string;
  /** Where it tells about itself, when the configuration has `http`. */
  readonly monitoring: string;
  /** As SIGKILL does it: sockets end without a word. */
  kill(): Promise<void>;
  /** Starts again on the same port, with another configuration when given. */
  start(config?: string): Promise<void>;
  /** Writes another configuration and has the running server read it. */
  reload(config: string): void;
  close(): Promise<void>;
}

const all = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of all) child.kill("SIGKILL");
});

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A nats-server of this test's own, on a free port. `config` is what stands in its configuration file beside the port. */
export async function startBroker(config = ""): Promise<Broker> {
  const place = mkdtempSync(join(tmpdir(), "tightbeam-nats-"));
  const file = join(place, "server.conf");
  let written = config;
  let port = 0;
  let route = "";
  let monitoring = "";
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();

  const write = (): void => writeFileSync(file, `listen: "127.0.0.1:${port || -1}"\n${written}\n`);
  const start = async (): Promise<void> => {
    write();
    const said: string[] = [];
    const started = spawn(path ?? "", ["-c", file, "--ports_file_dir", place], { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    all.add(started);
    let ended = false;
    gone = new Promise((resolve) => {
      started.once("exit", () => {
        ended = true;
        all.delete(started);
        resolve();
      });
    });
    for (const stream of [started.stdout, started.stderr]) stream?.on("data", (data: Buffer) => said.push(data.toString()));
    const ports = join(place, `nats-server_${started.pid}.ports`);
    let listed: Ports | undefined;
    for (let waited = 0; listed === undefined || !said.join("").includes("Server is ready"); waited += 5) {
      if (ended || waited > 20_000) {
        started.kill("SIGKILL");
        throw new Error(`nats-server did not start:\n${said.join("")}`);
      }
      await wait(5);
      listed = readPorts(ports);
    }
    port = Number(new URL(listed.nats[0] ?? "").port);
    route = (listed.cluster?.[0] ?? "").replace(/^.*:\/\//, "");
    monitoring = listed.monitoring?.[0] ?? "";
  };
  const kill = async (): Promise<void> => {
    child?.kill("SIGKILL");
    await gone;
  };
  await start();

  return {
    get host() {
      return `127.0.0.1:${port}`;
    },
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get route() {
      return route;
    },
    get monitoring() {
      return monitoring;
    },
    kill,
    async start(next) {
      written = next ?? written;
      await start();
    },
    reload(next) {
      written = next;
      write();
      child?.kill("SIGHUP");
    },
    async close() {
      await kill();
      rmSync(place, { recursive: true, force: true });
    },
  };
}

interface Ports {
  readonly nats: readonly string[];
  readonly cluster?: readonly string[];
  readonly monitoring?: readonly string[];
}

/** Undefined while the server is still writing it. */
function readPorts(file: string): Ports | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Ports;
  } catch {
    return undefined;
  }
}
