import { type Command, Option } from "commander";
import type { Frame, Invocation } from "../invocation.js";
import type { ProjectTransport } from "../project/package-json.js";

interface InitOptions {
  readonly transport: ProjectTransport;
  readonly install: boolean;
}

export function define(command: Command, { action }: Frame): void {
  command
    .argument("[folder]", "where it goes: a folder that is not there, or is empty", "my-agents")
    .description("Makes a project to begin with: two agents, the contract between them, and a test. Installs what it needs.")
    .addOption(new Option("--transport <transport>", "how its agents reach each other").choices(["websocket", "nats"]).default("websocket"))
    .option("--no-install", "write the files, and leave `npm install` to you")
    .addHelpText("after", "\nExamples:\n  tightbeam init my-agents && cd my-agents && npm start\n  tightbeam init orders --transport nats")
    .action(action(init));
}

async function init(invocation: Invocation, { transport, install }: InitOptions, folder = "my-agents"): Promise<void> {
  const { io, output } = invocation;
  const { writeProject } = await import("../project/write-project.js");
  const project = await writeProject(io, folder, transport);
  output.note(`Wrote ${project.files.length} files to ${folder}.`);
  if (install) {
    const { npmInstall } = await import("../project/npm-install.js");
    await npmInstall(invocation, project.folder);
    output.note("Installed what it needs.");
  }
  const steps = [
    `cd ${/^[\w./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", `'\\''`)}'`}`,
    ...(install ? [] : ["npm install"]),
    "npm start",
    "npm test",
  ];
  await output.result({ ...project, transport, installed: install, next: steps }, (paint) => [
    "",
    ...steps.map((step) => `  ${paint.bold(step)}`),
    "",
    transport === "nats" ? "npm start needs a nats-server at nats://127.0.0.1:4222. Then look at README.md." : "Then look at README.md and src/contract.ts.",
  ]);
}
