import { testStore } from "@tightbeam/conformance";
import { lmdbEnv } from "./env.js";

testStore({ name: "LMDB", create: lmdbEnv });
