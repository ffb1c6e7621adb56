// A page's side of the feed, in a process of its own: reads, parses, and says how much came.
const [, , origin, token] = process.argv;
const response = await fetch(`${origin}/api/feed`, { headers: { "x-tightbeam-inspector": token } });
const decoder = new TextDecoder();
const told = { batches: 0, bytes: 0, messages: 0, dropped: 0, largest: 0 };
let rest = "";
process.on("message", () => process.send(told));
process.send("open");
for await (const chunk of response.body) {
  told.bytes += chunk.length;
  const events = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
  rest = events.pop() ?? "";
  for (const event of events) {
    if (!event.startsWith("data: ")) continue;
    const { messages, dropped, whole } = JSON.parse(event.slice(6));
    if (whole) continue;
    told.batches += 1;
    told.messages += messages.length;
    told.dropped += dropped;
    told.largest = Math.max(told.largest, event.length);
  }
}
