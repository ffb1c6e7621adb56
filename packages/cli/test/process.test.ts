import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTerminal, type Terminal } from "./process.js";

let terminal: Terminal;
beforeAll(async () => {
  terminal = await createTerminal();
});
afterAll(() => terminal.close());

describe("a test that awaits a process", () => {
  it("is told which one is overdue, what it has said, and what runs beside it", async () => {
    await terminal.run(["keygen", "--secret", "--out", "team.secret"]);
    const relay = ["relay", "--shared-secret-file", "team.secret", "--port", "0"];
    await terminal.start(relay).expect(/listening/);
    const second = terminal.start(relay, { patience: 500 });
    const overdue =
      /^Overdue: the end of `tightbeam relay [^`]+` \(stdout "[^\n]*", stderr ""\)\n {2}beside it: `tightbeam relay [^`]+` \(stdout "relay listening [^\n]+\)$/;
    await expect(second.ended).rejects.toThrow(overdue);
    await expect(second.expect(/never said/)).rejects.toThrow(/^Overdue: \/never said\/ of `tightbeam relay /);
  });
});
