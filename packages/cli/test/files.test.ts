import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readBytesFile, writeSecretFile } from "../src/files.js";
import { openIdentity } from "../src/identity.js";
import { readInput } from "../src/input.js";
import { readSecretBytes } from "../src/secrets.js";
import { resolveSettings } from "../src/settings.js";
import { natsLogin } from "../src/transport.js";
import { createMemoryIo } from "./memory-io.js";

const place = mkdtempSync(join(tmpdir(), "tightbeam-files-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const io = (input?: string | Uint8Array) => createMemoryIo({ cwd: place, env: { HOME: place }, ...(input === undefined ? {} : { input: input as string }) }).io;
const write = (name: string, text: string | Uint8Array, mode = 0o600): string => {
  writeFileSync(join(place, name), text, { mode });
  return name;
};

describe("files", () => {
  it("are read no further than a bound, whatever they are", async () => {
    expect(await readBytesFile(io(), write("small", "1234"), "the input", 4)).toEqual(Buffer.from("1234"));
    for (const file of [write("large", "12345"), "/dev/zero"])
      await expect(readBytesFile(io(), file, "the input", 4)).rejects.toMatchObject({
        code: "usage",
        message: expect.stringMatching(/^The input cannot be read from .+: it is larger than 4 bytes\.$/),
      });
  });

  it("TM-245 with a secret are there whole or not at all", async () => {
    // A disk that fills up on the way.
    const failing = async function* () {
      yield "half";
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    };
    write("old.key", "old");
    for (const [name, force] of [
      ["new.key", false],
      ["old.key", true],
    ] as const)
      await expect(writeSecretFile(io(), name, failing() as unknown as string, { force })).rejects.toMatchObject({
        message: `${name} cannot be written: ENOSPC.`,
      });
    expect(existsSync(join(place, "new.key"))).toBe(false);
    expect(existsSync(join(place, "old.key.new"))).toBe(false);
    expect(readFileSync(join(place, "old.key"), "utf8")).toBe("old");
  });

  it("TM-245 with a secret are made for their owner alone, and refused when the group or others may read them", async () => {
    await writeSecretFile(io(), "mine.key", "secret");
    expect(statSync(join(place, "mine.key")).mode & 0o777).toBe(0o600);
    for (const mode of [0o640, 0o604, 0o620, 0o602]) {
      const name = write(`open-${mode.toString(8)}.creds`, "seed");
      chmodSync(join(place, name), mode);
      const settings = await resolveSettings(io(), { natsCreds: name });
      await expect(natsLogin(io(), settings)).rejects.toMatchObject({ message: expect.stringContaining("Others may") });
    }
  });

  it("with input are JSON in UTF-8, with a mark at their beginning or without", async () => {
    expect(await readInput(io(), `@${write("marked.json", "\ufeff[1]")}`)).toEqual([1]);
    expect(await readInput(io(Buffer.from('"ü"')), "-")).toBe("ü");
    await expect(readInput(io(), `@${write("latin1.json", Buffer.from('"ü"', "latin1"))}`)).rejects.toMatchObject({ code: "invalid_input" });
    await expect(readInput(io(), "@nothing.json")).rejects.toMatchObject({ message: "The input cannot be read from nothing.json: there is no such file." });
  });

  it("with a secret may be pipes, which are read once for all who need it", async () => {
    const pipe = join(place, "pipe");
    execFileSync("mkfifo", [pipe]);
    const source = { file: pipe };
    const secret = Buffer.alloc(32, 7).toString("base64url");
    const writing = writeFile(pipe, `${secret}\n`);
    const [one, other] = [await readSecretBytes(io(), source, "the secret"), await readSecretBytes(io(), source, "the secret")];
    await writing;
    expect(one).toEqual(new Uint8Array(32).fill(7));
    expect(other).toEqual(one);
  });

  it("TM-249 are sent to an authority only when they are a token, whatever a profile names", async () => {
    const settings = await resolveSettings(io(), {
      id: "bob",
      authority: "http://127.0.0.1:1/token",
      credentialFile: write("id_ed25519", "-----BEGIN PRIVATE"),
    });
    const refused = await openIdentity(io(), settings).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "usage", message: expect.stringContaining("is no token") });
    expect(JSON.stringify(refused)).not.toContain("BEGIN");
  });

  it("TM-245 with NATS credentials are refused when others may read them", async () => {
    const settings = await resolveSettings(io(), { natsCreds: write("open.creds", "seed", 0o644) });
    await expect(natsLogin(io(), settings)).rejects.toMatchObject({ message: expect.stringContaining("Others may read the NATS credentials") });
    expect(await natsLogin(io(), await resolveSettings(io(), { natsCreds: write("own.creds", "seed") }))).toEqual({ credsFile: join(place, "own.creds") });
  });
});
