export interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly name?: string;
    readonly message?: string;
    readonly assertionResults: readonly ReportedTest[];
  }[];
}
export interface ReportedTest {
  readonly status: string;
  readonly fullName?: string;
  readonly failureMessages?: readonly string[];
  readonly meta?: { readonly measured?: string };
}
export function measuredIn(report: Pick<VitestReport, "testResults">): { name: string; figures: string }[];
export function judge(report: VitestReport, exitOk: boolean, output: string): { ok: boolean; output: string; passed: number; failed: number; skipped: number };
