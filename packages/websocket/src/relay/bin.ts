import { isTightbeamError } from "@tightbeam/core/transport";
import { runCommand } from "./command.js";

try {
  const result = await runCommand(process.argv.slice(2), process.env);
  if ("help" in result) process.stdout.write(result.help);
  else {
    const { relay } = result;
    const stop = (): void => {
      relay.close().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    };
    process.once("SIGTERM", stop);
    process.once("SIGINT", stop);
    process.stdout.write(`relay listening on ${relay.urls.join(" ")}\n`);
    if (relay.monitoringUrl !== undefined) process.stdout.write(`monitoring on ${relay.monitoringUrl}\n`);
  }
} catch (error) {
  const usage = isTightbeamError(error) && (error.code === "invalid_argument" || error.code === "invalid_key");
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage ? "See --help.\n" : ""}`);
  process.exit(usage ? 2 : 1);
}
