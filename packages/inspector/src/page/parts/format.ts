const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** `1,234`; `1.23` below ten, where decimals say something. */
export const formatNumber = (value: number): string => (Math.abs(value) < 10 ? short.format(value) : whole.format(value));

/** `–` for what is not known. */
export const orDash = (value: string | undefined): string => value ?? "–";

/** `0.42 ms`, `12 ms`, `3.4 s`, `2 min`. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  if (size < 10) return `${short.format(Math.round(ms * 100) / 100)} ms`;
  if (size < 1_000) return `${whole.format(ms)} ms`;
  if (size < 60_000) return `${short.format(ms / 1_000)} s`;
  if (size < 3_600_000) return `${short.format(ms / 60_000)} min`;
  return `${short.format(ms / 3_600_000)} h`;
}

/** `512 B`, `1.2 KiB`, `3 MiB`. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(value) : short.format(value)} ${units[unit]}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** `14:03:27`, in the time of whoever looks. */
export function formatTime(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `14:03:27.081` */
export const formatTimeMs = (at: number): string => `${formatTime(at)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;

/** `21 Nov 14:03:27` */
export function formatDay(at: number): string {
  const date = new Date(at);
  return `${date.getDate()} ${months[date.getMonth()] ?? ""} ${formatTime(at)}`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `2 min ago`; never in the future, whatever the clocks say. */
export function formatAgo(at: number, now: number): string {
  const ms = Math.max(0, now - at);
  if (ms < 1_500) return "just now";
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s ago`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min ago`;
  if (ms < 86_400_000) return `${Math.round(ms / 3_600_000)} h ago`;
  return `${Math.round(ms / 86_400_000)} d ago`;
}

/** `dead_lettered` as words. */
export const words = (name: string): string => name.replaceAll("_", " ");

export const plural = (count: number, one: string, many = `${one}s`): string => `${formatNumber(count)} ${count === 1 ? one : many}`;
