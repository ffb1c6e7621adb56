export interface SizePart {
  readonly what: string;
  readonly counted: boolean;
  readonly gzip: number;
}

export function measureSize(): Promise<{ readonly rows: readonly SizePart[]; readonly bytes: number; readonly startOfWhole: number }>;
export function writeCounted(): Promise<string[]>;
