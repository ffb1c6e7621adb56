// `npm run soak:topics`: 200 subscribers, one publisher, 10,000 events each. Prints the figures; fails when one event is missing.
import { soakTopics } from "./topics.js";

const [subscribers = "200", events = "10000", eventBytes = "256"] = process.argv.slice(2);
const figures = await soakTopics(Number(subscribers), Number(events), Number(eventBytes));
console.log(JSON.stringify(figures, undefined, 2));
if (figures.wrong > 0 || figures.dropped > 0) process.exitCode = 1;
