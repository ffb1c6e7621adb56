import type { Command } from "commander";
import type { Place } from "../doctor/network.js";
import type { Step } from "../doctor/step.js";
import type { Frame, Invocation } from "../invocation.js";
import { oneLine } from "../printable.js";
import { type AgentSettingsOptions, agentOptions, type Settings } from "../settings.js";

export function define(command: Command, { action }: Frame): void {
  agentOptions(command.argument("[peer]", "an agent to link with, as the last step"))
    .description(
      "Looks at every step of the way in its order: files, name, connection, TLS, server, clock, token, login, permissions, peer. Says what to put right. Exits 1 when one fails.",
    )
    .addHelpText("after", "\nExample:\n  tightbeam doctor alice")
    .action(action(doctor));
}

const signs = { ok: "✓", warning: "!", failed: "✗", skipped: "-" } as const;
const colours = { ok: "green", warning: "yellow", failed: "red", skipped: "dim" } as const;

async function doctor(invocation: Invocation, options: AgentSettingsOptions, peer?: string): Promise<number> {
  const { io, output, signal } = invocation;
  const [{ resolveSettings }, { lookAt }] = await Promise.all([import("../settings.js"), import("../doctor/step.js")]);
  const settings = await resolveSettings(io, options);
  const steps = await stepsOf(invocation, settings, peer);
  let wrong = 0;
  for (const step of steps) {
    if (signal.aborted) break;
    const finding = await lookAt(step, invocation.runtime, signal);
    if (finding.status === "failed") wrong++;
    await output.item({ step: step.name, ...finding }, (paint) => [
      `${paint[colours[finding.status]](signs[finding.status])} ${step.name.padEnd(11)} ${oneLine(finding.found)}`,
      ...(finding.advice === undefined ? [] : finding.advice.split("\n").map((line) => `    ${paint.bold(line)}`)),
    ]);
  }
  output.note(wrong === 0 ? "Nothing is wrong." : `${wrong} of ${steps.length} steps failed: begin with the first.`);
  return wrong === 0 ? 0 : 1;
}

async function stepsOf(invocation: Invocation, settings: Settings, peer: string | undefined): Promise<readonly Step[]> {
  const { io, runtime } = invocation;
  const [network, server, agent, { ok, failed, warning }, { readTextFile }, { schemeOf }] = await Promise.all([
    import("../doctor/network.js"),
    import("../doctor/server.js"),
    import("../doctor/agent.js"),
    import("../doctor/step.js"),
    import("../files.js"),
    import("../transport.js"),
  ]);
  const { file, url, ca, authority } = settings;
  const steps: Step[] = [
    {
      name: "runtime",
      look: async () =>
        newEnough(process.versions.node)
          ? ok(`Node ${process.versions.node}`)
          : failed(`Node ${process.versions.node}`, "Tightbeam needs Node 20.19 or later."),
    },
    {
      name: "profile",
      look: async () =>
        file === undefined ? warning("none: options and environment only", "`tightbeam.json` here would save you typing: docs/cli.md.") : ok(file),
    },
  ];
  const scheme = url === undefined ? undefined : schemeOf(url);
  if (url === undefined || scheme === undefined || !known(scheme) || !URL.canParse(url))
    steps.push({
      name: "URL",
      look: async () =>
        failed(
          url === undefined ? "none" : "not one this program speaks",
          'Give --url, TIGHTBEAM_URL or a "url" in the profile: ws://, wss:// (a relay), nats:// or tls:// (NATS).',
        ),
    });
  else {
    const place = network.placeOf(new URL(url), scheme, ca === undefined ? undefined : await readTextFile(io, ca, "the certificate authority"));
    steps.push({
      name: "URL",
      look: async () => ok(`${place.scheme === "ws" || place.scheme === "wss" ? "a relay" : "a NATS server"} at ${place.host}, port ${place.port}`),
    });
    const way = network.networkSteps(place, runtime.clock);
    const asks: Step[] = [server.serverStep(place)];
    if (scheme === "ws") asks.push(server.clockStep(`http://${new URL(url).host}/`, runtime.clock));
    else if (scheme === "wss" && ca === undefined) asks.push(server.clockStep(`https://${new URL(url).host}/`, runtime.clock));
    steps.push(...inOrder([...way, ...asks]));
  }
  if (authority !== undefined && URL.canParse(authority))
    steps.push({ ...server.clockStep(new URL("jwks", authority).href, runtime.clock), name: "authority" });
  return [...steps, ...agent.agentSteps(invocation, settings, peer)];
}

/** Behind one that failed nothing can be seen. */
function inOrder(steps: readonly Step[]): readonly Step[] {
  let blocked: string | undefined;
  return steps.map(({ name, look }) => ({
    name,
    async look(over) {
      if (blocked !== undefined) return { status: "skipped", found: `it needs the step before it: ${blocked}` };
      const finding = await look(over);
      if (finding.status === "failed") blocked = name;
      return finding;
    },
  }));
}

const known = (scheme: string): scheme is Place["scheme"] => ["ws", "wss", "nats", "tls"].includes(scheme);

function newEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}
