/** What one measurement asks of a client. Sizes in bytes of payload. */
export interface Load {
  /** `echo`: requests and replies. `oneWay`: messages nobody answers. `durable`: the same, many at once, kept in a store on both sides where there is one. `json`: objects there and back, validated where the side validates. `untyped`: the same and not validated. `policy`: `echo` with retry, breaker and timeout. `stream`: what the server says without end, as fast as the client takes it. */
  readonly kind: "echo" | "oneWay" | "durable" | "json" | "untyped" | "policy" | "stream";
  readonly bytes: number;
  readonly inFlight: number;
  readonly ms: number;
}

/** The asking half of a system, alone in its process. Resolves with operations per second. */
export type Client = (load: Load) => Promise<number>;

/** The two halves of a system. A server resolves with what its client must know to find it. */
export interface Side {
  readonly servers: Readonly<Record<string, (argument: string) => Promise<string>>>;
  readonly connect: (argument: string) => Promise<Client>;
  /** µs of CPU of a process that this one started. */
  readonly besides?: () => number;
}

/** One-way messages between two looks at the clock. */
export const sendsPerTurn = 64;

/** Keeps `inFlight` calls going for `ms`, then waits for the last of them. */
export async function closedLoop({ inFlight, ms }: Load, call: () => Promise<void>): Promise<number> {
  const began = performance.now();
  const until = began + ms;
  let done = 0;
  const worker = async (): Promise<void> => {
    do {
      await call();
      done += 1;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (done / (performance.now() - began)) * 1_000;
}

/** About `bytes` of JSON, as an agent's message might look. */
export function sampleObject(bytes: number) {
  const fixed = { id: "0190f3c2-7a52-7c3e-9d5a-3f2d1c0b9a87", topic: "summaries", attempt: 3, score: 0.75, urgent: false, tags: ["draft", "en", "v2"] };
  return { ...fixed, text: "x".repeat(Math.max(0, bytes - JSON.stringify({ ...fixed, text: "" }).length)) };
}

export type Sample = ReturnType<typeof sampleObject>;
