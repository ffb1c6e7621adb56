export function findChromium(): string | undefined;
export function ensureChromium(): { path: string } | { reason: string; install: string };
