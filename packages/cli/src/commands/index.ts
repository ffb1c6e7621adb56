import type { CommandEntry } from "../invocation.js";

/** Every command there is: a file of its own each, read when it is asked for. */
export const commands: readonly CommandEntry[] = [
  { name: "keygen", summary: "make a signing key, or a secret", group: "Keys and tokens", load: () => import("./keygen.js") },
  { name: "token", summary: "issue, verify and read tokens", group: "Keys and tokens", load: () => import("./token.js") },
  { name: "authority", summary: "issue tokens to whoever proves a credential: POST /token", group: "Services", load: () => import("./authority.js") },
  { name: "relay", summary: "carry ciphertext between agents over WebSocket", group: "Services", load: () => import("./relay.js") },
  { name: "listen", summary: "be an agent: answer by echo or by a program, print what comes", group: "Messages", load: () => import("./listen.js") },
  { name: "request", summary: "ask an agent, and print its answer", group: "Messages", load: () => import("./request.js") },
  { name: "notify", summary: "tell an agent something", group: "Messages", load: () => import("./notify.js") },
  { name: "stream", summary: "open a stream: chunks out, chunks in", group: "Messages", load: () => import("./stream.js") },
  { name: "publish", summary: "publish events of a topic", group: "Messages", load: () => import("./publish.js") },
  { name: "subscribe", summary: "print the events of a topic", group: "Messages", load: () => import("./subscribe.js") },
  { name: "ping", summary: "handshake, round trips, suite and fingerprints of an agent", group: "Looking", load: () => import("./ping.js") },
  { name: "tap", summary: "what the network sees: frames, sizes, ciphertext", group: "Looking", load: () => import("./tap.js") },
  { name: "completion", summary: "a script that completes commands and options, for bash or zsh", group: "Projects", load: () => import("./completion.js") },
  { name: "init", summary: "a project to begin with: two agents, a contract and a test", group: "Projects", load: () => import("./init.js") },
  { name: "doctor", summary: "look at every step of the way, and say what to put right", group: "Looking", load: () => import("./doctor.js") },
  { name: "bench", summary: "how fast agents are here, or how fast another one answers", group: "Looking", load: () => import("./bench.js") },
  { name: "inspect", summary: "a page that shows what agents do", group: "Looking", load: () => import("./inspect.js") },
  { name: "trace", summary: "calls as they happen at agents, and those that a trace store has kept", group: "Looking", load: () => import("./trace.js") },
  { name: "dlq", summary: "dead letters: list, show, replay, discard", group: "Looking", load: () => import("./dlq.js") },
];
