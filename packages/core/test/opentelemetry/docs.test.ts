import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { tableRows } from "../../../../test/docs/pages.js";
import { attribute, metric } from "../../src/opentelemetry/names.js";
import { createReceiver } from "./receiver.js";
import "./sdk.js";

const path = "docs/opentelemetry.md";
const page = { path, text: readFileSync(join(import.meta.dirname, "../../../..", path), "utf8") };
// Beside this file, where the packages resolve; hidden, so that no other check takes it for a source.
const folder = mkdtempSync(join(import.meta.dirname, ".docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe(path, () => {
  const sorted = (names: Iterable<string>): string[] => [...names].sort((a, b) => a.localeCompare(b));

  it("has every attribute and metric, and no other", () => {
    expect(sorted(tableRows(page, "attributes").map(([name = ""]) => name))).toEqual(sorted(Object.values(attribute)));
    expect(sorted(tableRows(page, "metrics").map(([name = ""]) => name))).toEqual(sorted(Object.values(metric)));
  });

  it("has an example that does what it says, and sends the trace that it shows", async () => {
    const receiver = await createReceiver();
    onTestFinished(receiver.close);
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", new URL("/", receiver.url).href);
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const name of ["tracing.ts", "agents.ts"]) {
      const code = new RegExp(`\`\`\`ts\\n(// ${name}\\n[\\s\\S]*?)\`\`\`\\n`).exec(page.text)?.[1];
      writeFileSync(join(folder, name), code ?? "throw new Error('it is not there')");
    }
    const printed: unknown[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((...words) => void printed.push(...words));
    onTestFinished(() => log.mockRestore());
    await import(join(folder, "agents.ts"));
    expect(printed).toEqual(["a summary of a long story, en français"]);

    const spans = [...receiver.spans];
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    const lines: string[] = [];
    const kinds = ["", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    const draw = (parent: string | undefined, indent: string): void => {
      for (const { spanId, name, kind, attributes } of spans.filter(({ parentSpanId }) => (parentSpanId ?? "") === (parent ?? ""))) {
        const { "tightbeam.agent.id": agent, "tightbeam.peer.id": peer } = attributes;
        lines.push(`${indent}${name}   ${kinds[kind]}   ${kinds[kind] === "CLIENT" ? `${String(agent)} → ${String(peer)}` : String(agent)}`);
        draw(spanId, indent === "" ? "└ " : `  ${indent}`);
      }
    };
    draw(undefined, "");
    expect(page.text).toContain(`\`\`\`\n${lines.join("\n")}\n\`\`\`\n`);
  });
});
