export interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly ReportedTest[];
  }[];
}
export interface ReportedTest {
  readonly status: string;
  readonly fullName?: string;
  readonly meta?: { readonly measured?: string };
}
export function measuredIn(report: Pick<VitestReport, "testResults">): { name: string; figures: string }[];
export interface Verdict {
  readonly ok: boolean;
  readonly output: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export function judge(report: VitestReport, exitOk: boolean, output: string, failures?: readonly { name: string; message: string }[]): Verdict;
export function runVitest(options: {
  label: string;
  node?: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  timeout?: number;
}): Promise<Verdict & { skips: readonly { name: string; tests: number; reason: string }[]; measured: readonly { name: string; figures: string }[] }>;
