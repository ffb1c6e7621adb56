import { testStore } from "@tightbeam/conformance";
import { diskEnv, memorySubject } from "./env.js";

testStore(memorySubject);
testStore({ name: "the disk of the tests", create: diskEnv });
