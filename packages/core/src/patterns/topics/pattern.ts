import { checkName, invalid } from "../../contract/standard-schema.js";
import { maxNameLength } from "../../envelope/grammar.js";

/** Which topics a subscription is for. */
export interface TopicPattern {
  readonly text: string;
  /** Without wildcards: one topic. */
  readonly exact: boolean;
  /** Linear in the length of both. */
  matches(topic: string): boolean;
}

const segment = "(?:[A-Za-z0-9][\\w-]*|\\*)";
const grammar = new RegExp(`^(?:>|${segment}(?:[./]${segment})*(?:[./]>)?)$`);

/**
 * A topic, or one with wildcards: `*` stands for one segment, `>` at the end for one or more. Segments are joined by `.` or `/`, and a
 * pattern means the one it has: `a.*` is not for `a/b`. Throws `invalid_argument`.
 */
export function topicPattern(text: string): TopicPattern {
  if (typeof text !== "string" || text.length > maxNameLength || !grammar.test(text))
    throw invalid("A topic pattern is a topic name of at most 128 characters in which a whole segment may be * (any one) and the last one > (all the rest).");
  const exact = !/[*>]/.test(text);
  if (exact || text.startsWith("tb/")) checkName("topic", text);
  return compile(text);
}

/** Of what the grammar takes, however long. */
export function compile(text: string): TopicPattern {
  if (!/[*>]/.test(text)) return { text, exact: true, matches: (topic) => topic === text };
  const tokens = text.split(/([./])/);
  return {
    text,
    exact: false,
    matches(topic) {
      let at = 0;
      for (const token of tokens) {
        if (token === ">") return at < topic.length;
        if (token === "*") {
          const start = at;
          while (at < topic.length && topic[at] !== "." && topic[at] !== "/") at++;
          if (at === start) return false;
        } else if (topic.startsWith(token, at)) at += token.length;
        else return false;
      }
      return at === topic.length;
    },
  };
}
