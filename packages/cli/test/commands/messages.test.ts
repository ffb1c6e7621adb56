import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Running } from "../process.js";
import { createScene, documents, type Scene } from "../scene.js";

let scene: Scene;
let alice: Running;

beforeAll(async () => {
  scene = await createScene();
  alice = await scene.listening(["echo", "--profile", "alice", "--stream", "words", "--topic", "news.>", "--kind", "parrot", "--json"]);
});
afterAll(() => scene.close());

const bob = ["--profile", "bob"];

describe("tightbeam request", () => {
  it("asks, and prints the answer for people, for programs, or as bytes", async () => {
    writeFileSync(join(scene.place, "input.json"), '{"from":"a file"}');
    const [people, programs, bytes, file] = await Promise.all([
      scene.run(["request", ...bob, "alice", "echo", '{"text":"hi"}']),
      scene.run([
        "request",
        ...bob,
        "alice",
        "echo",
        "[1,null]",
        "--json",
        "--priority",
        "high",
        "--timeout",
        "20s",
        "--idempotency-key",
        "k1",
        "--header",
        "x-a=b",
      ]),
      scene.run(["request", ...bob, "alice", "echo", "-", "--raw"], { input: new Uint8Array([0, 255, 27]) }),
      scene.run(["request", ...bob, "--kind", "parrot", "echo", "@input.json", "--policy", "simple", "--json"]),
    ]);
    expect(people).toMatchObject({ code: 0, stdout: '{\n  "text": "hi"\n}\n', stderr: "" });
    expect(JSON.parse(programs.stdout)).toEqual({ method: "echo", output: [1, null], duration: expect.any(Number) });
    expect(bytes.code).toBe(0);
    expect(Buffer.from(bytes.stdout, "latin1")).toHaveLength(Buffer.from([0, 255, 27]).toString().length);
    expect(documents(file.stdout)).toMatchObject([{ output: { from: "a file" } }]);
    await alice.expect(/"type":"request","from":"bob","method":"echo","id":"[^"]+","at":"[^"]+","priority":"high","headers":\{"x-a":"b"\},"input":\[1,null\]/);
  });

  it("counts connecting towards --timeout", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const before = performance.now();
    const { code, stderr } = await scene.run(["request", ...bob, "alice", "echo", "--url", url, "--timeout", "400ms"]);
    silent.close();
    expect(code).toBe(3);
    expect(stderr).toContain("did not");
    // By itself it waits for 10 s.
    expect(performance.now() - before).toBeLessThan(9_000);
  });

  it("says what is wrong, and ends with a code for each kind of it", async () => {
    const [nobody, nothing, text, method, relay, port] = await Promise.all([
      scene.run(["request", ...bob, "nobody", "echo", "1", "--timeout", "4s", "--json"]),
      scene.run(["request", ...bob, "alice", "nothing"]),
      scene.run(["request", ...bob, "alice", "echo", "hunter2"]),
      scene.run(["request", ...bob, "alice"]),
      scene.run(["request", ...bob, "alice", "echo", "--url", "ws://127.0.0.1:1"]),
      scene.run(["request", ...bob, "alice", "echo", "--timeout", "soon"]),
    ]);
    expect([nobody, nothing, text, method, relay, port].map(({ code }) => code)).toEqual([6, 8, 9, 2, 3, 2]);
    expect([nobody, nothing, text, method, relay, port].map(({ stdout }) => stdout).join("")).toBe("");
    expect(JSON.parse(nobody.stderr)).toMatchObject({ error: { code: "no_answer", exitCode: 6, retryable: true } });
    expect(nothing.stderr).toMatch(/no handler for 'nothing'[\s\S]*check the name[\s\S]*as it travels[\s\S]*code no_handler, exit 8/);
    expect(text.stderr).toContain("is not JSON");
    expect(text.stderr).not.toContain("hunter2");
    expect(method.stderr).toContain("What is it asked for?");
    expect(relay.stderr).toContain("nobody listens there");
    expect(port.stderr).toContain("A time looks like 500ms, 30s, 5m or 2h.");
  });
});

describe("tightbeam notify", () => {
  it("tells, and waits as far as asked", async () => {
    const [done, sent] = await Promise.all([
      scene.run(["notify", ...bob, "alice", "echo", '"done"', "--confirm", "done", "--json"]),
      scene.run(["notify", ...bob, "alice", "echo", '"sent"', "--confirm", "sent"]),
    ]);
    expect(JSON.parse(done.stdout)).toEqual({ method: "echo", confirmed: "done", durable: false });
    expect(sent).toMatchObject({ code: 0, stdout: "It is on its way.\n" });
    await alice.expect(/"type":"notification","from":"bob","method":"echo"[^\n]*"input":"sent"/);
  });

  it("keeps a durable message in a sealed store", async () => {
    const { code } = await scene.run(["keygen", "--secret", "--out", "store.key"]);
    expect(code).toBe(0);
    const durable = await scene.run([
      "notify",
      ...bob,
      "alice",
      "echo",
      '"kept"',
      "--durable",
      "--store",
      "state",
      "--store-key-file",
      "store.key",
      "--confirm",
      "done",
      "--json",
    ]);
    expect(durable).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(durable.stdout)).toEqual({ method: "echo", confirmed: "done", durable: true });
    const [without, unsealed] = await Promise.all([
      scene.run(["notify", ...bob, "alice", "echo", "1", "--durable"]),
      scene.run(["notify", ...bob, "alice", "echo", "1", "--durable", "--store", "other"]),
    ]);
    expect([without.code, unsealed.code]).toEqual([2, 2]);
    expect(without.stderr).toContain("This needs a store, and there is none.");
    expect(unsealed.stderr).toContain("A store is sealed, and its key is missing.");
    expect(unsealed.stderr).toContain("keygen --secret --out <file>");
  });
});

describe("tightbeam stream", () => {
  it("prints chunks as lines, and takes lines of stdin", async () => {
    const [people, programs] = await Promise.all([
      scene.run(["stream", ...bob, "alice", "words", '{"open":1}', "--up"], { input: '1\n\n"two"\n{"three":3}' }),
      scene.run(["stream", ...bob, "alice", "words", "7", "--up", "--json"], { input: "1\n" }),
    ]);
    expect(people).toMatchObject({ code: 0, stdout: '1\n"two"\n{"three":3}\n', stderr: 'It ended with {"open":1}\n' });
    expect(documents(programs.stdout)).toEqual([{ chunk: 1 }, { output: 7 }]);
  });

  it("ends with an error where it did not come to its end", async () => {
    const [unknown, line] = await Promise.all([
      scene.run(["stream", ...bob, "alice", "nothing"]),
      scene.run(["stream", ...bob, "alice", "words", "--up"], { input: "1\nhunter2\n" }),
    ]);
    expect([unknown.code, line.code]).toEqual([8, 9]);
    expect(line.stderr).toContain("What a line of stdin has is not JSON");
    expect(line.stderr).not.toContain("hunter2");
  });
});

describe("tightbeam publish and subscribe", () => {
  it("bring events from one terminal to the other", async () => {
    const carol = scene.start(["subscribe", "news.>", "--profile", "carol", "--count", "2", "--json"]);
    const published = await scene.run(["publish", ...bob, "news.today", "--lines", "--subscribers", "2", "--wait", "60s", "--json"], {
      input: '{"n":1}\n{"n":2}\n',
    });
    expect(published).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(published.stdout)).toMatchObject({ topic: "news.today", published: 2, subscribers: [{}, {}] });
    const { code, stdout } = await carol.ended;
    expect(code).toBe(0);
    expect(documents(stdout)).toMatchObject([
      { type: "event", topic: "news.today", from: "bob", event: { n: 1 } },
      { type: "event", topic: "news.today", from: "bob", event: { n: 2 } },
    ]);
    await alice.expect(/"type":"event","topic":"news.today","from":"bob"/);
  });

  it("end when they are asked to, whatever stdin may still bring, and say what was published", async () => {
    const carol = scene.start(["subscribe", "stopping", "--profile", "carol", "--json"]);
    const publish = scene.start(["publish", ...bob, "stopping", "--lines", "--json"], { input: "open" });
    publish.child.stdin?.write('{"n":1}\n{"n":');
    await carol.expect(/"event":\{"n":1\}/);
    const { code, stdout } = await publish.stop();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ topic: "stopping", published: 1 });
    expect((await carol.stop()).code).toBe(0);
    const waiting = scene.start(["publish", ...bob, "stopping", "1", "--wait", "60s"]);
    await waiting.expect(/Waiting for a subscriber/, "stderr");
    expect(await waiting.stop("SIGINT")).toMatchObject({ code: 130, stdout: "" });
  });

  it("say who did not come", async () => {
    const [publish, pattern] = await Promise.all([
      scene.run(["publish", ...bob, "other.today", "1", "--wait", "300ms"]),
      scene.run(["subscribe", ...bob, "a..b"]),
    ]);
    // Not beside a publisher: they would find each other.
    const subscribe = await scene.run(["subscribe", ...bob, "other.>", "--ready", "1", "--timeout", "300ms"]);
    expect([publish.code, subscribe.code, pattern.code]).toEqual([6, 6, 2]);
    expect(publish.stderr).toMatch(/0 of 1 subscribed to other\.today within 300 ms; nothing was published\.\n {2}Is a subscriber running/);
  });
});

describe("tightbeam ping", () => {
  it("shows the handshake, the suite, the fingerprints and round trips, and runs nothing at the peer", async () => {
    const [people, programs] = await Promise.all([
      scene.run(["ping", ...bob, "alice", "--count", "2"]),
      scene.run(["ping", ...bob, "alice", "--count", "2", "--interval", "1ms", "--json"]),
    ]);
    expect(people.code).toBe(0);
    expect(people.stdout).toMatch(
      /alice \(instance [\w-]{22}\): link after [\d.]+ m?s\n +suite +X25519 \+ ML-KEM-768[\s\S]*its key +[\w-]{43}[\s\S]*1: [\d.]+ m?s\n {2}2: /,
    );
    const [link, trip, second, summary] = documents(programs.stdout) as { ms?: number; median?: number }[];
    expect(link).toMatchObject({
      type: "link",
      peer: { id: "alice" },
      suite: { id: "0x0101" },
      own: { id: "bob", thumbprint: expect.stringMatching(/^[\w-]{43}$/) },
    });
    expect(trip).toMatchObject({ type: "round_trip", number: 1 });
    expect(summary).toMatchObject({ type: "summary", count: 2 });
    expect(summary?.median).toBeCloseTo(((trip?.ms ?? 0) + (second?.ms ?? 0)) / 2, 1);
    expect(alice.stdout()).not.toContain("ping.");
  });

  it("says that nobody is there", async () => {
    const { code, stderr } = await scene.run(["ping", ...bob, "nobody", "--timeout", "1s"]);
    expect(code).toBe(6);
    expect(stderr).toContain("Nobody answered as agent/nobody");
  });
});

describe("tightbeam listen", () => {
  it("TM-247 answers with what a program makes of stdin, without a shell and without our own settings", async () => {
    const script =
      'let text="";process.stdin.on("data",(d)=>text+=d).on("end",()=>console.log(JSON.stringify({input:JSON.parse(text),args:process.argv.slice(1),caller:process.env.TIGHTBEAM_CALLER,secret:process.env.TIGHTBEAM_SECRET??null})))';
    const carol = scene.start(["listen", "work", "--profile", "carol", "--exec", process.execPath, "--", "-e", script, "$(touch pwned)", "; touch pwned"], {
      env: { TIGHTBEAM_STORE_KEY: "not-for-children" },
    });
    await carol.expect(/listens to/);
    const { code, stdout } = await scene.run(["request", ...bob, "carol", "work", '{"text":"$(touch pwned) `touch pwned`"}', "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      output: { input: { text: "$(touch pwned) `touch pwned`" }, args: ["$(touch pwned)", "; touch pwned"], caller: "bob", secret: null },
    });
    expect(await carol.stop()).toMatchObject({ code: 0 });
  });

  it("tells the caller that a program failed, and no more", async () => {
    const carol = scene.start(["listen", "work", "--profile", "carol", "--exec", process.execPath, "--", "-e", "console.error('inside'); process.exit(3)"]);
    await carol.expect(/listens to/);
    const { code, stderr } = await scene.run(["request", ...bob, "carol", "work"]);
    expect(code).toBe(8);
    expect(stderr).toContain("The program ended with code 3.");
    expect(stderr).not.toContain("inside");
    expect((await carol.stop("SIGINT")).stderr).toContain("inside");
  });

  it("does not begin with what cannot work", async () => {
    const [program, words, argument] = await Promise.all([
      scene.run(["listen", "work", "--profile", "carol", "--exec", "./nothing"]),
      scene.run(["listen", "work", "--profile", "carol", "--exec", "cat -n"]),
      scene.run(["listen", "work", "--profile", "carol", "--", "cat"]),
    ]);
    expect([program.code, words.code, argument.code]).toEqual([2, 2, 2]);
    expect(words.stderr).toContain("No shell splits it into words");
  });
});
