import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { prometheusText } from "../../../src/observability/monitor/handler.js";
import { healthMessages } from "../../../src/observability/monitor/health.js";
import { parseExposition } from "./exposition-parser.js";
import { createStage } from "./fixtures.js";
import { fullAgent } from "./status.js";

const page = readFileSync(new URL("../../../../../docs/monitoring.md", import.meta.url), "utf8");

describe("docs/monitoring.md", () => {
  it("has every metric, and none that is not there", async () => {
    const { monitor, alice } = createStage();
    alice.called("find");
    alice.message({ what: "failed", direction: "sent", code: "timeout" });
    const names = [...parseExposition(await prometheusText({ agents: fullAgent(), monitor })).keys()];
    const section = page.slice(page.indexOf("## Metrics"), page.indexOf("Of a relay"));
    const documented = [...section.matchAll(/`(tightbeam_[a-z_]+)`/g)].map(([, name]) => name as string);
    expect(documented.filter((name) => !names.includes(name))).toEqual([]);
    expect(names.filter((name) => !documented.includes(name))).toEqual([]);
  });

  it("has every reason", () => {
    const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (degraded|failed) \| (yes|no) \|/gm)].map(([, code, health, ready]) => [code, health, ready]);
    const weights = { failed: ["failed", "no"], unready: ["degraded", "no"], notice: ["degraded", "yes"] } as const;
    expect(new Set(rows.map(String))).toEqual(new Set(Object.entries(healthMessages).map(([code, [weight]]) => String([code, ...weights[weight]]))));
  });
});
