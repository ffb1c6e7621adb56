import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadNobleAesGcm, loadNobleBlake2s, loadNobleX25519, nobleChachaPoly, nobleSha256 } from "../../src/crypto/noble.js";
import * as everywhere from "../../src/crypto/platform.js";
import * as browser from "../../src/crypto/platform-browser.js";
import { selectCrypto } from "../../src/crypto/select.js";
import * as engine from "../../src/engine.js";
import * as engineBrowser from "../../src/engine-browser.js";
import * as signature from "../../src/identity/signature.js";
import * as signatureBrowser from "../../src/identity/signature-browser.js";
import * as seeking from "../../src/link/seeking.js";
import * as seekingBrowser from "../../src/link/seeking-browser.js";
import * as serving from "../../src/patterns/answering/serving.js";
import * as servingBrowser from "../../src/patterns/answering/serving-browser.js";
import * as hello from "../../src/patterns/peers/hello-on-demand.js";
import * as helloBrowser from "../../src/patterns/peers/hello-on-demand-browser.js";
import * as telling from "../../src/patterns/telemetry/load-telemetry.js";
import * as tellingBrowser from "../../src/patterns/telemetry/load-telemetry-browser.js";
import { systemRuntime } from "../../src/runtime/index.js";
import * as answering from "../../src/secure/answering.js";
import * as answeringBrowser from "../../src/secure/answering-browser.js";

const file = (path: string): URL => new URL(`../../${path}`, import.meta.url);

describe("the two platforms", () => {
  it("are exchanged by bundlers for browsers: the manifest names files that exist", () => {
    const { browser: map } = JSON.parse(readFileSync(file("package.json"), "utf8")) as { browser: Record<string, string> };
    for (const path of Object.entries(map).flat()) expect(existsSync(file(path.replace("./dist/", "src/").replace(/\.js$/, ".ts")))).toBe(true);
    for (const [path, instead] of Object.entries(map)) expect(instead).toBe(path.replace(/\.js$/, "-browser.js"));
    expect(Object.keys(map)).toEqual([
      "./dist/crypto/platform.js",
      "./dist/engine.js",
      "./dist/identity/signature.js",
      "./dist/link/seeking.js",
      "./dist/patterns/answering/serving.js",
      "./dist/patterns/peers/hello-on-demand.js",
      "./dist/patterns/telemetry/load-telemetry.js",
      "./dist/secure/answering.js",
    ]);
  });

  it("have the same exports", async () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(everywhere).sort());
    expect(Object.keys(signatureBrowser)).toEqual(Object.keys(signature));
    expect(Object.keys(answeringBrowser)).toEqual(Object.keys(answering));
    expect(Object.keys(engineBrowser).sort()).toEqual(Object.keys(engine).sort());
    expect(Object.keys(seekingBrowser)).toEqual(Object.keys(seeking));
    expect(Object.keys(helloBrowser)).toEqual(Object.keys(hello));
    expect(helloBrowser.loadHello.loaded).toBeUndefined();
    expect(await helloBrowser.loadHello()).toBe(hello.loadHello.loaded);
    expect(Object.keys(servingBrowser)).toEqual(Object.keys(serving));
    expect(Object.keys(tellingBrowser)).toEqual(Object.keys(telling));
    expect(tellingBrowser.loadTelemetry.loaded).toBeUndefined();
    expect(await tellingBrowser.loadTelemetry()).toBe(telling.loadTelemetry.loaded);
    expect(engineBrowser.leastBytes).toBe(engine.leastBytes);
    expect(await signatureBrowser.loadVerify()).toBe(await signature.loadVerify());
  });

  it("give the same X25519", async () => expect(await browser.loadX25519()).toBe(await everywhere.loadX25519()));

  it("a page takes back the memory of a buffer where its engine can, and else leaves it", () => {
    const { buffer } = engineBrowser.unfilled(8);
    engineBrowser.findDetach()(buffer);
    expect(buffer.byteLength).toBe("transfer" in ArrayBuffer.prototype ? 0 : 8);
    expect([...engineBrowser.pooled(3)]).toEqual([0, 0, 0]);
  });

  it("a page has nothing native, and what links need", async () => {
    const script = { chachaPoly: nobleChachaPoly, sha256: nobleSha256, aesGcm: loadNobleAesGcm, blake2s: loadNobleBlake2s, x25519: loadNobleX25519 };
    const { provider, load } = selectCrypto(browser.nativeProvider(), script, systemRuntime().clock);
    expect([provider.name, provider.chachaPoly, provider.sha256]).toEqual(["noble", nobleChachaPoly, nobleSha256]);
    expect((await load("x25519")).x25519.keyPair(new Uint8Array(32).fill(1)).publicKey).toHaveLength(32);
  });
});
