import { TightbeamError } from "@tightbeam/core/store";
import type { LogEnd } from "./checkpoint.js";
import type { JetStream } from "./jetstream.js";
import type { Layout } from "./layout.js";
import { listMessages } from "./listing.js";
import { createReplay } from "./record.js";
import type { View } from "./view.js";

export interface Recovered {
  readonly end: LogEnd;
  /** What is up to here stands under its own subjects. */
  readonly floor: number;
  readonly logBytes: number;
  readonly logRecords: number;
}

const headersAtOnce = 512;
const recordsAtOnce = 16;

/** Fills the view: the keys and where their values are, then over it what the log holds beyond `known`, the floor if there is one. Rejects `store_damaged` when a record is missing. */
export async function recover(api: JetStream, layout: Layout, view: View, known: number | undefined): Promise<Recovered> {
  await listMessages(api, layout.data, true, headersAtOnce, ({ subject, sequence }) => {
    const key = layout.keyOf(subject);
    if (key === undefined) throw damaged("it holds an entry that no store wrote");
    view.setStored(key, sequence);
    view.keys.add(key);
  });
  let end: LogEnd = { number: known ?? 0, sequence: 0 };
  let floor = known;
  let logBytes = 0;
  let logRecords = 0;
  const replay = createReplay((changes) => view.apply(changes));
  await listMessages(api, layout.log, false, recordsAtOnce, ({ subject, sequence, body }) => {
    const number = Number.parseInt(subject.slice(layout.log.length - 1), 16);
    logRecords += 1;
    logBytes += body.length;
    if (floor === undefined) {
      floor = number - 1;
      end = { number: floor, sequence };
    }
    // The checkpoint was done, and did not get to taking it away.
    if (number <= floor) {
      end = { number: floor, sequence };
      return;
    }
    if (number !== end.number + 1 || subject !== layout.logOf(number)) throw damaged("a record of its log is missing");
    replay(new Uint8Array(body));
    end = { number, sequence };
  });
  return { end, floor: floor ?? 0, logBytes, logRecords };
}

const damaged = (how: string): TightbeamError => new TightbeamError("store_damaged", `The bucket is damaged: ${how}. Restore it, or delete it to start anew.`);
