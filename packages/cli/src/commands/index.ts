import type { CommandEntry } from "../invocation.js";

/** Every command there is: a file of its own each, read when it is asked for. */
export const commands: readonly CommandEntry[] = [
  { name: "keygen", summary: "make a signing key, or a secret", group: "Keys and tokens", load: () => import("./keygen.js") },
  { name: "completion", summary: "a script that completes commands and options, for bash or zsh", group: "Projects", load: () => import("./completion.js") },
  { name: "init", summary: "a project to begin with: two agents, a contract and a test", group: "Projects", load: () => import("./init.js") },
  { name: "doctor", summary: "look at every step of the way, and say what to put right", group: "Looking", load: () => import("./doctor.js") },
];
