import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Broker, startBroker, withNatsServer } from "../../../nats/test/broker.js";
import { createTerminal, type Terminal } from "../process.js";
import { documents } from "../scene.js";

withNatsServer("the command line over NATS", () => {
  let terminal: Terminal;
  let broker: Broker;
  beforeAll(async () => {
    [terminal, broker] = await Promise.all([createTerminal(), startBroker()]);
    await terminal.run(["keygen", "--secret", "--out", "team.secret"]);
  });
  afterAll(async () => {
    terminal.close();
    await broker.close();
  });

  it("TM-90 asks an agent, while a tap hears everything and reads nothing", async () => {
    const common = ["--shared-secret-file", "team.secret", "--url", broker.url];
    const tap = terminal.start(["tap", broker.url, "--json"]);
    await tap.expect(/"listening"/);
    const alice = terminal.start(["listen", "method-of-alice", "--id", "alice", ...common]);
    await alice.expect(/listens to/);
    const { code, stdout } = await terminal.run(
      ["request", "alice", "method-of-alice", '"payload-of-bob"', "--id", "bob", "--url", broker.url, "--shared-secret-file", "-"],
      { input: readFileSync(join(terminal.place, "team.secret")) },
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: '"payload-of-bob"\n' });
    const { stdout: seen } = await tap.stop("SIGINT");
    const frames = documents(seen).filter(({ type }) => type === "frame");
    expect(frames.find(({ kind }) => kind === "hs1")).toMatchObject({ to: "tightbeam.agent.alice", replyTo: expect.stringMatching(/^inbox\/bob\//) });
    expect(frames.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["hs2", "hs3", "data"]));
    for (const secret of ["payload-of-bob", "method-of-alice"]) {
      expect(seen).not.toContain(secret);
      expect(seen).not.toContain(Buffer.from(secret).toString("hex"));
    }
    await alice.stop();
  });

  it("says that no server listens, and what a URL must not hold", async () => {
    const common = ["request", "alice", "x", "--id", "bob", "--shared-secret-file", "team.secret"];
    const [nobody, password] = await Promise.all([
      terminal.run([...common, "--url", "nats://127.0.0.1:1"]),
      terminal.run([...common, "--url", "nats://bob:hunter2@127.0.0.1:4222"]),
    ]);
    expect([nobody.code, password.code]).toEqual([3, 2]);
    expect(password.stderr).toContain("TIGHTBEAM_NATS_PASSWORD");
    expect(nobody.stderr + password.stderr).not.toContain("hunter2");
  });
});
