// `npm run soak:topics`: 200 subscribers, one publisher, 10,000 events each. Prints the figures; fails when one event is missing.
import { readNumbers } from "../../scripts/arguments.mjs";
import { soakTopics } from "./topics.js";

const usage =
  "Usage: npm run soak:topics -- [subscribers] [events] [event-bytes]\n\n200 subscribers, one publisher, 10,000 events of 256 B each. Prints the figures; fails when one event is missing.";
const { subscribers, events, "event-bytes": eventBytes } = readNumbers(usage, { subscribers: 200, events: 10_000, "event-bytes": 256 });
const figures = await soakTopics(subscribers, events, eventBytes);
console.log(JSON.stringify(figures, undefined, 2));
if (figures.wrong > 0 || figures.dropped > 0) process.exitCode = 1;
