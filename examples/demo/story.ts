// The acts of the demo, in the order they are told. Each shows what happened and keeps what the verdict needs.
import type { LinkView, Member } from "./app.js";
import type { BurstResult, Latency } from "./burst.js";
import { figure, hexdump, milliseconds, type Screen, wrap } from "./screen.js";
import type { Stage, TappedFrame } from "./stage.js";
import { findClear, window } from "./tap.js";

const total = 20_000;
/** The middle is struck when so many replies are in. */
const strikeAt = [2_000, 8_000];
const strollTimes = 300;
/** Header and tag of a frame: what is longer than this and the plaintext together can hold it. */
const overhead = 36;
const secret = "The vault opens at 0415 with heliotrope. Tell nobody else.";

export interface Evidence {
  readonly keysMatch: boolean;
  readonly refusal: string;
  readonly requestsRight: boolean;
  readonly calm: Latency;
  readonly burst: BurstResult;
  /** Requests open each time the middle was struck. */
  readonly openAtStrikes: readonly number[];
  readonly reconnects: { readonly alice: number; readonly bob: number };
  readonly counted: { readonly numbers: number; readonly repeated: number };
  /** What the tap could read that it should not, in words; empty when it could read nothing. */
  readonly leaks: readonly string[];
}

export async function tell(stage: Stage, screen: Screen): Promise<Evidence> {
  showCast(stage, screen);
  showTokens(stage, screen);
  const keysMatch = await showHandshake(stage, screen);
  const { tapped, ...requests } = await showRequests(stage, screen);
  const calm = await stage.bob.stroll(strollTimes);
  const { burst, openAtStrikes } = await showBurst(stage, screen);
  const leaks = showTap(stage, screen, tapped);
  return {
    keysMatch,
    ...requests,
    calm,
    burst,
    openAtStrikes,
    reconnects: { alice: await reconnectsOf(stage.alice, openAtStrikes.length), bob: await reconnectsOf(stage.bob, openAtStrikes.length) },
    counted: await stage.alice.counted(),
    leaks,
  };
}

/** Waits for the last one, should it come after the last reply. */
async function reconnectsOf(member: Member, expected: number): Promise<number> {
  for (let tries = 0; tries < 50 && (await member.reconnects()) < expected; tries++) await new Promise((resolve) => setTimeout(resolve, 100));
  return member.reconnects();
}

function showCast(stage: Stage, { line, paint }: Screen): void {
  line(paint.strong(`Tightbeam: ${stage.title}`));
  line();
  const widest = Math.max(...stage.cast.map(([name]) => name.length));
  for (const [name, what] of stage.cast) line(`  ${name.padEnd(widest)}  ${paint.faint(what)}`);
  line();
  line(`  The one line that names a transport (${stage.transportLine.file}):`);
  line(`    ${stage.transportLine.text}`);
}

function showTokens(stage: Stage, { heading, line, paint }: Screen): void {
  heading("1. Tokens");
  line("  Each agent made a signing key of its own and sent the public half to the");
  line("  authority, which binds tokens to it: without the key a token is worth nothing.");
  line();
  line(paint.faint(`  ${"agent".padEnd(7)} ${"for".padEnd(7)} ${"key thumbprint (SHA-256)".padEnd(43)}  expires`));
  const order = [...stage.issued].sort((a, b) => a.id.localeCompare(b.id));
  for (const { id, audience, thumbprint, expiresAt } of order) {
    line(`  ${id.padEnd(7)} ${(audience === undefined ? "peers" : "relay").padEnd(7)} ${thumbprint}  ${new Date(expiresAt).toTimeString().slice(0, 8)}`);
  }
}

const suites: Readonly<Record<number, readonly string[]>> = {
  257: ["Noise XX, X25519 and ML-KEM-768 together (post-quantum hybrid),", "ChaCha20-Poly1305, SHA-256"],
  1: ["Noise XX, X25519, ChaCha20-Poly1305, SHA-256 (classical)"],
};

async function showHandshake(stage: Stage, { heading, line, paint }: Screen): Promise<boolean> {
  heading("2. Handshake");
  const bob = await stage.bob.link("alice");
  const alice = await stage.alice.link("bob");
  const [first = "unknown", ...more] = suites[bob.suite] ?? [];
  line(`  suite         ${first}`);
  for (const part of more) line(`                ${part}`);
  line(`                ${paint.faint(`id 0x${bob.suite.toString(16).padStart(4, "0")}, agreed in ${milliseconds(bob.handshake)}`)}`);
  const compare = (name: string, other: string, own: LinkView, seen: LinkView): boolean => {
    const same = own.own === seen.peer;
    line();
    line(`  ${name}'s key   ${name === "bob" ? "  " : ""}${own.own}  ${paint.faint("its own")}`);
    line(`  ${`${other} saw`.padEnd(13)} ${seen.peer}  ${same ? paint.good("the same") : paint.bad("ANOTHER")}`);
    return same;
  };
  return [compare("alice", "bob", alice, bob), compare("bob", "alice", bob, alice)].every(Boolean) && alice.suite === bob.suite;
}

async function showRequests(stage: Stage, { heading, line, paint }: Screen) {
  heading("3. Typed requests and replies");
  const tappedBefore = stage.tap.frames().length;
  const texts = [secret, "Links outlive relays. They outlive sessions, too.", "Ok. That is all."];
  let tapped: readonly TappedFrame[] = [];
  let requestsRight = true;
  for (const text of texts) {
    const answer = await stage.bob.ask(text);
    for (const part of wrap("  bob     summarize ", JSON.stringify({ text }))) line(part);
    if (answer.ok) line(`  alice   ${JSON.stringify(answer.reply)}  ${paint.faint(milliseconds(answer.ms))}`);
    else line(`  alice   ${paint.bad(`${answer.code}: ${answer.message}`)}`);
    requestsRight &&= answer.ok && text.startsWith(answer.reply.summary);
    if (text === secret) {
      await stage.tap.stop();
      tapped = stage.tap.frames().slice(tappedBefore);
    }
  }
  const wrong = await stage.bob.askAnything({ text: 42 });
  line(`  bob     summarize {"text":42}  ${paint.faint("past the compiler, on purpose")}`);
  line(wrong.ok ? `  alice   ${paint.bad(JSON.stringify(wrong.reply))}` : `  alice   refuses: ${wrong.code}, ${wrong.message}`);
  return { requestsRight, refusal: wrong.ok ? "none" : wrong.code, tapped };
}

async function showBurst(stage: Stage, { heading, line, live, paint }: Screen) {
  heading(`4. ${figure(total)} requests at once, and the ${stage.middle} goes away twice`);
  line("  Bob asks them all in one go. His link sends what Alice has granted; the rest");
  line("  waits in line, and so does everything while nothing carries it.");
  for (const part of wrap("  ", stage.outage)) line(part);
  line();
  const result: { burst?: BurstResult } = {};
  const running = stage.bob.burst(total).then((burst) => {
    result.burst = burst;
    return burst;
  });
  running.catch(() => undefined);
  let up = true;
  const look = async () => {
    const { answered, open } = await stage.bob.progress();
    const bar = "#".repeat(Math.round((answered / total) * 30)).padEnd(30, ".");
    live(`  [${bar}] ${figure(answered).padStart(6)} replies  ${up ? paint.good("up") : paint.bad("down")}`);
    return { answered, open };
  };
  const watch = async <T>(until: Promise<T>): Promise<T> => {
    let done = false;
    const settled = until.finally(() => (done = true));
    settled.catch(() => undefined);
    while (!done) {
      await look();
      await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    return settled;
  };

  const openAtStrikes: number[] = [];
  for (const threshold of strikeAt) {
    while (result.burst === undefined && (await look()).answered < threshold) await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 15))]);
    if (result.burst !== undefined) break;
    const struck = await stage.strike();
    up = false;
    const { answered, open } = await look();
    openAtStrikes.push(open);
    line(`  ${figure(answered).padStart(6)} replies  ${paint.bad(struck)}, ${figure(open)} requests open`);
    const mended = await watch(stage.mend());
    up = true;
    line(`  ${"".padEnd(14)}  ${paint.good(mended)}`);
  }
  const burst = await watch(running);
  line(`  ${figure(total - burst.lost).padStart(6)} replies  ${(burst.took / 1000).toFixed(1)} s after the first request`);
  return { burst, openAtStrikes };
}

function showTap(stage: Stage, { heading, line, paint }: Screen, tapped: readonly TappedFrame[]): readonly string[] {
  heading(`5. What a tap on the ${stage.middle} saw of one message`);
  const plaintext = Buffer.from(JSON.stringify({ text: secret }));
  // Nothing else was asked while these were recorded, so the one frame to Alice that is long enough holds the message.
  const message = tapped.find(({ to, frame }) => to.startsWith("inbox/alice/") && frame.length > plaintext.length + overhead);
  if (message === undefined) return ["the message did not come by, so nothing can be said about it"];
  line(`  bob asked (${plaintext.length} bytes):`);
  for (const row of hexdump(plaintext)) line(`    ${row}`);
  line();
  line(`  the ${stage.middle} got for ${message.to} (${message.frame.length} bytes):`);
  for (const row of hexdump(message.frame)) line(`    ${paint.faint(row)}`);

  const seen = Buffer.from(stage.tap.bytes());
  const leaks: string[] = [];
  const clear = findClear(seen, plaintext);
  if (clear !== undefined) leaks.push(`it saw ${window} bytes of the message in the clear, from its byte ${clear} on`);
  if (stage.leaksPeerToken(seen)) leaks.push("it saw a token that only peers may see");
  line();
  line("  20 bytes are header (version, session, counter), the rest is ciphertext.");
  if (leaks.length === 0) {
    line(`  Searched: all ${figure(seen.length)} bytes that came in from the start until then. No ${window} bytes`);
    line("  of the message are among them, nor a token that the agents showed each other.");
  }
  return leaks;
}
