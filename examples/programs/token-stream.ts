import { isTightbeamError, stream } from "@tightbeam/core";
import { z } from "zod";
import { createChecks, type Example } from "./example.js";

/** As a language model answers: word by word, and in the end what it cost. */
const answer = stream("answer", {
  input: z.object({ prompt: z.string(), words: z.int().positive() }),
  chunk: z.string(),
  output: z.object({ tokens: z.int() }),
});
/** A conversation: each side says what it likes, when it likes. */
const chat = stream("chat", { up: z.string(), chunk: z.string() });

const vocabulary = "the link is up and every word of it arrives once in order whatever the relay does".split(" ");

export const tokenStream: Example = {
  name: "token-stream",
  about: "A generator of words as a language model has one: read, cancelled half way, failing half way, and a conversation.",
  async run(place, { line }) {
    const { faults, check } = createChecks();
    const model = await place.join("model");
    const user = await place.join("user");
    let made = 0;
    let stopped = 0;

    model.handle(answer, async function* ({ prompt, words }, { signal }) {
      signal.addEventListener("abort", () => stopped++);
      for (let n = 0; n < words; n++) {
        if (prompt === "fail" && n === 3) throw new Error("out of memory");
        made++;
        yield vocabulary[n % vocabulary.length] as string;
      }
      return { tokens: words };
    });
    model.handle(chat, async function* (_, { source }) {
      for await (const said of source) yield `you said: ${said}`;
    });

    const whole = user.stream("model", answer, { prompt: "go on", words: 2_000 });
    const words: string[] = [];
    for await (const word of whole) words.push(word);
    const { tokens } = await whole.result;
    line(`  2,000 words: "${words.slice(0, 6).join(" ")} ...", ${tokens} tokens`);
    check(words.length === 2_000 && tokens === 2_000, "all words and the count should arrive");
    check(
      words.every((word, n) => word === vocabulary[n % vocabulary.length]),
      "the words should come in their order",
    );

    made = 0;
    const some: string[] = [];
    for await (const word of user.stream("model", answer, { prompt: "go on", words: 10_000_000 }, { window: 4_096 })) {
      some.push(word);
      if (some.length === 10) break;
    }
    await until(() => stopped === 1);
    line(`  stopped after ${some.length} of 10,000,000: the model had made ${made}, its signal fired`);
    check(made < 1_000, "the model should be no further ahead of its reader than the window");

    const partial: string[] = [];
    let code = "none";
    try {
      for await (const word of user.stream("model", answer, { prompt: "fail", words: 10 })) partial.push(word);
    } catch (error) {
      code = isTightbeamError(error) ? error.code : String(error);
    }
    line(`  a model that fails after three words: "${partial.join(" ")}", then ${code}`);
    check(partial.length === 3 && code === "handler_failed", "three words, then handler_failed");

    const conversation = user.stream("model", chat);
    const heard: string[] = [];
    await conversation.write("hello");
    for await (const reply of conversation) {
      heard.push(reply);
      if (heard.length === 1) await conversation.write("goodbye");
      else await conversation.end();
    }
    line(`  a conversation: ${heard.join("; ")}`);
    check(heard.join() === "you said: hello,you said: goodbye", "each answer should follow what was said");
    return faults;
  },
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
