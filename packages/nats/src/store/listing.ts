import { Failure, kindOf } from "./failure.js";
import type { Delivery, JetStream } from "./jetstream.js";

const tries = 5;

/**
 * Every message of these subjects, in the order of their numbers. Nobody may write them meanwhile. A consumer that is lost on the way is made again where it was.
 * `page` bounds how many are in memory at once.
 */
export async function listMessages(api: JetStream, filter: string, headersOnly: boolean, page: number, take: (message: Delivery) => void): Promise<void> {
  let from = 1;
  let failures = 0;
  for (;;) {
    try {
      const consumer = await api.consumer(filter, from, headersOnly);
      for (let left = consumer.pending; left > 0; ) {
        const messages = await api.next(consumer.name, Math.min(left, page));
        for (const message of messages) {
          if (message.sequence < from) throw new Failure("refused", "messages came out of order");
          take(message);
          from = message.sequence + 1;
        }
        left -= messages.length;
      }
      return;
    } catch (error) {
      failures += 1;
      if (!["unavailable", "nobody", "gone", "none"].includes(kindOf(error) ?? "") || failures >= tries) throw error;
    }
  }
}
