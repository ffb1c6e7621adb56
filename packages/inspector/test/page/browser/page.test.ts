import { afterAll, beforeAll, describe, test } from "vitest";
import { chromiumMissing, chromiumPath } from "../../../../../test/browser/chromium.js";
import { agentsSuite } from "./agents-suite.js";
import { createStage, type Stage } from "./fixture.js";
import { keyboardSuite } from "./keyboard-suite.js";
import { trustSuite } from "./trust-suite.js";
import { viewsSuite } from "./views-suite.js";

if (chromiumPath === undefined) test("the inspector's page in chromium", (context) => context.skip(chromiumMissing));

const describePage = chromiumPath === undefined ? undefined : describe;

// One chromium and one build of the page for all of them.
describePage?.("the inspector's page in chromium", () => {
  let stage: Stage;
  const on = (): Stage => stage;
  beforeAll(async () => {
    stage = await createStage();
  }, 90_000);
  afterAll(() => stage?.close(), 30_000);

  describe("its views", () => viewsSuite(on));
  describe("by keyboard", () => keyboardSuite(on));
  describe("whom it trusts", () => trustSuite(on));
  describe("with agents", () => agentsSuite(on));
});
