import { TightbeamError } from "@tightbeam/core/store";
import { Failure, type FailureKind, kindOf, storeError } from "./failure.js";
import { idHeader, type JetStream, type StoredMessage } from "./jetstream.js";
import type { Wire } from "./wire.js";

/**
 * Every message of this store's holder, in one chain: each names the stream's last message, and the server takes it only if that is so.
 * What is in the stream is therefore always a beginning of what was appended, nothing is there twice, and the first message of another holder ends it all.
 * The last message is named by its number, and by its id while its answer is still awaited: another holder's may have that number.
 */
export interface Chain {
  /** The number of the last message that is known to be there. */
  readonly last: number;
  /** Why nothing can be appended any more. */
  readonly failed: TightbeamError | undefined;
  /** Messages that are not settled. */
  readonly underWay: number;
  /**
   * Resolves with the message's number when it is stored; in the order of the calls. Rejects `store_full`, `too_large` and `store_read_only` when it is not
   * and will not be, and others go on; with `failed` when that is over.
   */
  append(subject: string, body: Uint8Array): Promise<number>;
  /** Whatever is under way and whatever comes rejects with it. The first counts. */
  fail(why: TightbeamError): void;
}

export interface ChainOptions {
  readonly api: JetStream;
  readonly wire: Wire;
  readonly writer: string;
  readonly last: number;
  /** Whether to wait for a server that does not answer. */
  readonly patient: () => boolean;
  /** What to say when another process wrote. */
  readonly taken: () => TightbeamError;
}

interface Entry {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly resolve: (sequence: number) => void;
  readonly reject: (why: TightbeamError) => void;
  /** Of the latest attempt. */
  id: string;
  /** The server's answer to it. */
  answer: "stored" | Failure | undefined;
}

const flyingMax = 64;
const flyingBytesMax = 1024 * 1024;
const pauseMs = 25;
/** The server did not take the message, and says so again when asked again. */
const definite: ReadonlySet<FailureKind> = new Set(["full", "too_large", "denied"]);

export function createChain({ api, wire, writer, last: first, patient, taken }: ChainOptions): Chain {
  const waiting: Entry[] = [];
  /** Entry `i` is to be message `last + 1 + i`. */
  let flying: Entry[] = [];
  let flyingBytes = 0;
  let last = first;
  let attempts = 0;
  /** How many messages may be under way at once. */
  let ahead = flyingMax;
  let halted = false;
  let failed: TightbeamError | undefined;

  const fail = (why: TightbeamError): void => {
    failed ??= why;
    for (const entry of [...flying.splice(0), ...waiting.splice(0)]) entry.reject(failed);
    flyingBytes = 0;
  };
  const take = (): Entry | undefined => {
    const entry = flying.shift();
    if (entry !== undefined) flyingBytes -= entry.body.length;
    return entry;
  };
  const confirm = (): void => {
    last += 1;
    take()?.resolve(last);
  };
  const send = (): void => {
    while (!halted && failed === undefined && flying.length < ahead && (flying.length === 0 || flyingBytes < flyingBytesMax)) {
      const entry = waiting.shift();
      if (entry === undefined) return;
      const after = last + flying.length;
      const afterId = flying.at(-1)?.id;
      entry.id = `${writer}.${++attempts}`;
      flying.push(entry);
      flyingBytes += entry.body.length;
      entry.answer = undefined;
      api.publish(entry.subject, entry.body, { id: entry.id, after, afterId }).then(
        () => answered(entry, "stored"),
        (error: unknown) => answered(entry, error instanceof Failure ? error : new Failure("unavailable", "", error)),
      );
    }
  };
  const answered = (entry: Entry, answer: "stored" | Failure): void => {
    if (failed !== undefined) return;
    entry.answer = answer;
    while (flying[0]?.answer === "stored") confirm();
    if (answer !== "stored") halted = true;
    if (!halted) return send();
    // What was sent after a message that failed fails too: what happened is asked for when all is still.
    if (flying.every((each) => each.answer !== undefined)) void settle();
  };
  /** Finds out what of the flying is stored, and goes on from there. */
  const settle = async (): Promise<void> => {
    // The server took a later one: it had the earlier ones, whose answers were lost.
    for (let stored = flying.findLastIndex(({ answer }) => answer === "stored"); stored >= 0; stored--) confirm();
    try {
      while (await wire.persist(examine, () => failed === undefined && patient())) if (failed !== undefined) return;
    } catch (error) {
      const known = !patient() || kindOf(error) === "gone" ? undefined : "store_failed";
      return fail(storeError(error, "The store cannot go on", known));
    }
    if (failed !== undefined) return;
    waiting.unshift(...flying);
    flying = [];
    flyingBytes = 0;
    halted = false;
    send();
  };
  /** True when there is more to find out. */
  const examine = async (): Promise<boolean> => {
    const [entry] = flying;
    if (entry === undefined) return false;
    const { last: there } = await api.info();
    if (failed !== undefined) return false;
    if (there < last) throw new TightbeamError("store_damaged", `The server has lost ${last - there} writes that it had confirmed. Open the store again.`);
    if (there === last) return refuse(entry);
    const found = await api.message({ seq: last + 1 }).catch((error: unknown) => {
      if (kindOf(error) === "none") return undefined;
      throw error;
    });
    if (failed !== undefined) return false;
    if (found !== undefined && isOurs(found, entry)) confirm();
    // An account that is full: the server stores the message, takes it away again and says so. Its number is used up.
    else if (found === undefined && there === last + 1 && kindOf(entry.answer) === "full") last += 1;
    else throw taken();
    return true;
  };
  /** The first of the flying is not there: its caller is told if the server said why, otherwise all of them go again. */
  const refuse = async (entry: Entry): Promise<boolean> => {
    const { answer } = entry;
    if (!(answer instanceof Failure)) return false;
    if (definite.has(answer.kind)) {
      take();
      entry.reject(storeError(answer, "The store took nothing of it", answer.kind === "denied" ? "store_read_only" : undefined));
    } else if (answer.kind === "refused" || answer.kind === "ended") throw answer;
    else {
      entry.answer = undefined;
      // After a pause, not at once: whoever does not answer is not asked without end.
      if (answer.kind !== "sequence" || ahead === 1) throw new Failure("unavailable", "the message was not taken", answer);
      // It was not the last, and no other is to be seen: one is just being stored, or this server compares with what it has stored only. One at a time, then.
      ahead = 1;
      await wire.pause(pauseMs);
    }
    return false;
  };
  const isOurs = ({ subject, body, headers }: StoredMessage, entry: Entry): boolean =>
    headers.includes(`${idHeader}: ${writer}.`) && subject === entry.subject && equal(body, entry.body);

  return {
    get last() {
      return last;
    },
    get failed() {
      return failed;
    },
    get underWay() {
      return waiting.length + flying.length;
    },
    append: (subject, body) =>
      new Promise((resolve, reject) => {
        if (failed !== undefined) return reject(failed);
        waiting.push({ subject, body, resolve, reject, id: "", answer: undefined });
        send();
      }),
    fail,
  };
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at]);
