import { testTransport } from "@tightbeam/conformance";
import { memoryEnv } from "./env.js";

testTransport({ name: "memory", create: memoryEnv, settleMs: 5 });
