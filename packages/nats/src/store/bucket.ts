import type { Runtime } from "@tightbeam/core/runtime";
import { TightbeamError } from "@tightbeam/core/store";
import { kindOf } from "./failure.js";
import type { JetStream, StreamConfig, StreamInfo } from "./jetstream.js";
import type { Layout } from "./layout.js";

export interface BucketOptions {
  /** Where the server keeps it. Default `file`. Counts when the bucket is created. */
  readonly storage?: "file" | "memory";
  /** Servers of a cluster that each keep a copy: 1, 3 or 5. Default 1. Counts when the bucket is created. */
  readonly replicas?: number;
  /** The bucket's bound in bytes; at least 4 MiB. Default: the account's. Counts when the bucket is created. */
  readonly maxBytes?: number;
  /** Whether a bucket that is not there is created. Default true. */
  readonly create?: boolean;
}

const smallestMaxBytes = 4 * 1024 * 1024;

/** The bucket as it is on the server, made when it was not there. Rejects `unsupported` for one that would forget entries by itself. */
export async function openBucket(api: JetStream, layout: Layout, options: BucketOptions): Promise<StreamInfo> {
  const wanted = configOf(layout, options);
  const info = await api.info().catch(async (error: unknown) => {
    if (kindOf(error) !== "gone") throw error;
    if (options.create === false)
      throw new TightbeamError("invalid_argument", `There is no bucket ${layout.stream.slice(3)}, and \`create\` is false.`, { cause: error });
    // Of two that create it at once, one is told that it exists.
    return api
      .create(wanted)
      .catch((refusal: unknown) => (kindOf(refusal) === "refused" ? api.info().catch(() => Promise.reject(refusal)) : Promise.reject(refusal)));
  });
  const unfit = unfitness(info.config, wanted);
  if (unfit !== undefined)
    throw new TightbeamError("unsupported", `The bucket ${layout.stream.slice(3)} cannot hold a store: ${unfit}. Use one that the store made itself.`);
  return info;
}

/** As the key-value stores of the NATS clients are made: the `nats kv` commands can look into it. */
function configOf({ stream, all }: Layout, { storage = "file", replicas = 1, maxBytes }: BucketOptions): StreamConfig {
  if (storage !== "file" && storage !== "memory") throw new TightbeamError("invalid_argument", "`storage` is file or memory.");
  if (![1, 3, 5].includes(replicas)) throw new TightbeamError("invalid_argument", "`replicas` is 1, 3 or 5.");
  if (maxBytes !== undefined && (!Number.isSafeInteger(maxBytes) || maxBytes < smallestMaxBytes))
    throw new TightbeamError("invalid_argument", `\`maxBytes\` is a whole number of at least ${smallestMaxBytes}.`);
  return {
    name: stream,
    subjects: [all],
    storage,
    num_replicas: replicas,
    max_bytes: maxBytes ?? -1,
    retention: "limits",
    discard: "new",
    max_msgs_per_subject: 1,
    max_msgs: -1,
    max_age: 0,
    max_consumers: -1,
    max_msg_size: -1,
    // Ids say what stands before what; nothing is sent twice that the server would have to recognise by them.
    duplicate_window: 1_000_000_000,
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: false,
    deny_purge: false,
  };
}

/** What of it would lose, hide or add entries. */
function unfitness(config: StreamConfig, wanted: StreamConfig): string | undefined {
  for (const name of ["retention", "discard", "max_msgs_per_subject", "max_msgs", "max_age", "allow_direct", "deny_delete", "deny_purge"]) {
    const [has, needs] = [config[name] ?? false, wanted[name] ?? false];
    if ((has || undefined) !== (needs || undefined)) return `its ${name} is ${JSON.stringify(has)} and not ${JSON.stringify(needs)}`;
  }
  for (const name of ["sealed", "mirror", "sources", "subject_transform", "no_ack"]) {
    if (config[name] !== undefined && config[name] !== null && config[name] !== false) return `it has ${name}`;
  }
  return JSON.stringify(config.subjects) === JSON.stringify(wanted.subjects) ? undefined : "it takes other subjects";
}

export type Durability = "memory" | "process" | "disk" | "replicated";

/** What survives when a batch has settled. A server writes behind, by default for up to two minutes: its own kill is survived, a power cut is not. */
export function durabilityOf({ storage, num_replicas: replicas }: StreamConfig, syncAlways: boolean): Durability {
  if (storage !== "file") return "memory";
  if (replicas >= 3) return "replicated";
  return syncAlways ? "disk" : "process";
}

/** 22 base64url characters. */
export function randomWriter({ random }: Runtime): string {
  return btoa(String.fromCharCode(...random.bytes(16)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .slice(0, 22);
}
