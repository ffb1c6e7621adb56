import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { CommandError } from "../src/command-error.js";
import { findProfile, isForeign } from "../src/profile.js";
import { resolveSettings } from "../src/settings.js";
import { createMemoryIo } from "./memory-io.js";

const place = mkdtempSync(join(tmpdir(), "tightbeam-profile-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const project = join(place, "project");
const config = join(place, ".config", "tightbeam");
beforeEach(() => {
  for (const folder of [project, config]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
});

const io = (env: Record<string, string> = {}) => createMemoryIo({ cwd: project, env: { HOME: place, ...env } }).io;
const write = (folder: string, name: string, value: unknown) => writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
const refusal = (promise: Promise<unknown>): Promise<CommandError> =>
  promise.then(
    () => expect.fail("it was taken"),
    (error: CommandError) => error,
  );

describe("profiles", () => {
  it("are none, the user's own, or the project's, in this order of precedence", async () => {
    expect(await findProfile(io(), undefined)).toEqual({ file: undefined, profile: {} });
    write(config, "default.json", { id: "mine" });
    expect((await findProfile(io(), undefined)).profile).toEqual({ id: "mine" });
    write(project, "tightbeam.json", { id: "projects" });
    expect((await findProfile(io(), undefined)).profile).toEqual({ id: "projects" });
  });

  it("have names, and take from the file what they do not say themselves", async () => {
    write(project, "tightbeam.json", { url: "ws://a", id: "nobody", profiles: { bob: { id: "bob", key: "keys/bob.key" } } });
    write(config, "carol.json", { id: "carol", key: "/keys/carol.key" });
    expect((await findProfile(io(), "bob")).profile).toEqual({ url: "ws://a", id: "bob", key: join(project, "keys/bob.key") });
    expect((await findProfile(io({ TIGHTBEAM_PROFILE: "carol" }), undefined)).profile).toEqual({ id: "carol", key: "/keys/carol.key" });
    expect((await findProfile(io({ XDG_CONFIG_HOME: join(place, ".config") }), "carol")).profile).toMatchObject({ id: "carol" });
    expect((await findProfile(io(), join(config, "carol.json"))).profile).toMatchObject({ id: "carol" });
    expect((await refusal(findProfile(io(), "dave"))).message).toBe("There is no profile dave.");
    expect((await refusal(findProfile(io(), "__proto__"))).message).toBe("There is no profile __proto__.");
    expect((await refusal(findProfile(io(), "a b"))).message).toContain("letters, digits");
  });

  it("TM-249 are taken from nobody else, unless they are named", async () => {
    const file = join(project, "tightbeam.json");
    write(project, "tightbeam.json", { id: "bob", profiles: { carol: { id: "carol" } } });
    expect((await findProfile(io(), undefined)).profile).toEqual({ id: "bob" });
    chmodSync(file, 0o666);
    for (const name of [undefined, "carol"]) {
      const error = await refusal(findProfile(io(), name));
      expect(error.message).toContain("belongs to another user, or anybody may write to it");
      expect(error.advice).toContain(`--profile ${file}`);
    }
    expect((await findProfile(io(), file)).profile).toEqual({ id: "bob" });
    expect(isForeign({ mode: 0o100644, uid: 1_000 }, 1_000)).toBe(false);
    expect(isForeign({ mode: 0o100644, uid: 0 }, 1_000)).toBe(false);
    expect(isForeign({ mode: 0o100644, uid: 1_001 }, 1_000)).toBe(true);
    expect(isForeign({ mode: 0o100646, uid: 1_000 }, 1_000)).toBe(true);
  });

  it("TM-249 hold no secret and no command: what is not a setting is refused by name", async () => {
    const wrong: [value: unknown, message: RegExp][] = [
      [{ token: "eyJhbGciOi".repeat(200) }, /"token" is the path of a file/],
      [{ password: "hunter2" }, /A profile has no setting "password"/],
      [{ exec: "rm" }, /A profile has no setting "exec"/],
      [{ id: 7 }, /"id" is a text/],
      [{ permissions: "call:*" }, /"permissions" is a list/],
      [{ profiles: [] }, /"profiles" in .* is an object/],
      ["{", /is not JSON/],
      ["[]", /is no JSON object/],
    ];
    for (const [value, message] of wrong) {
      write(project, "tightbeam.json", value);
      const error = await refusal(findProfile(io(), undefined));
      expect(error.message).toMatch(message);
      expect(`${error.message}${error.advice}`).not.toMatch(/hunter2|eyJ/);
    }
  });
});

describe("settings", () => {
  it("come from options, then the environment, then the profile", async () => {
    write(project, "tightbeam.json", { id: "profiles", url: "ws://profile", secret: "p.secret", authority: "http://127.0.0.1/token" });
    const settings = await resolveSettings(io({ TIGHTBEAM_URL: "ws://environment", TIGHTBEAM_SECRET: "x", TIGHTBEAM_ID: "environments" }), { id: "options" });
    expect(settings).toMatchObject({ id: "options", url: "ws://environment", secret: { env: "TIGHTBEAM_SECRET" }, authority: "http://127.0.0.1/token" });
    expect(await resolveSettings(io({ TIGHTBEAM_SECRET: "" }), { secretFile: "-" })).toMatchObject({ secret: { file: "-" } });
    expect(await resolveSettings(io(), {})).toMatchObject({ secret: { file: join(project, "p.secret") } });
  });

  it("know one way to be somebody, and one whose tokens count: that of the nearest place", async () => {
    write(project, "tightbeam.json", { sharedSecret: "team.secret", authority: "http://127.0.0.1/token", jwks: "jwks.json" });
    expect(await resolveSettings(io(), {})).toMatchObject({ identifyBy: "sharedSecret", trustBy: "jwks" });
    expect(await resolveSettings(io({ TIGHTBEAM_TOKEN: "x" }), {})).toMatchObject({ identifyBy: "token", trustBy: "jwks" });
    expect(await resolveSettings(io({ TIGHTBEAM_TOKEN: "x" }), { secretFile: "s", authority: "http://127.0.0.1/token" })).toMatchObject({
      identifyBy: "secret",
      trustBy: "authority",
    });
    expect((await refusal(resolveSettings(io(), { secretFile: "s", tokenFile: "t" }))).message).toBe("An agent shows who it is in one way.");
  });

  it("TM-249 take no password in a URL, and do not repeat it", async () => {
    for (const url of ["nats://user:hunter2@broker", "wss://hunter2@relay.example"]) {
      const error = await refusal(resolveSettings(io(), { url }));
      expect(error.message).toContain("holds a user or a password");
      expect(`${error.message}${error.advice}`).not.toContain("hunter2");
    }
  });
});
