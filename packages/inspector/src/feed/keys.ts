/** An instance of an agent, as every view names it. Neither part holds a space; the instance holds no slash. */
export const agentKey = ({ id, instance }: { readonly id: string; readonly instance: string }): string => `${id}/${instance}`;

export const idOf = (key: string): string => key.slice(0, key.lastIndexOf("/"));
export const instanceOf = (key: string): string => key.slice(key.lastIndexOf("/") + 1);

export const linkKey = (from: string, to: string): string => `${from} ${to}`;
export const edgeKey = (from: string, to: string): string => (from < to ? `${from} ${to}` : `${to} ${from}`);
export const messageKey = (from: string, to: string, id: string): string => `${from} ${to} ${id}`;

/** Undefined for what `messageKey` did not make. */
export function readMessageKey(key: string): { readonly from: string; readonly to: string; readonly id: string } | undefined {
  const [from, to, id, ...rest] = key.split(" ");
  return from === undefined || to === undefined || id === undefined || rest.length > 0 ? undefined : { from, to, id };
}

const scale = 0x10000;

/** Whether a message belongs to a share of all: by the end of its id, which is chance, so both ends and all replies agree. */
export const isShared = (id: string, share: number): boolean => share >= 1 || (share > 0 && Number.parseInt(id.slice(-4), 16) < share * scale);
