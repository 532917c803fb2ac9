/** Worker processes that share a range of seeds, and what they report. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Report, Task } from './worker.js';

/** Runs one worker to its end. Rejects where it fails to run, which is no finding but a broken simulation. */
export async function work(
  script: string,
  task: Task,
  onReport: (report: Report) => boolean | undefined,
): Promise<void> {
  const child = spawn(process.execPath, [script, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let isEnough = false;
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (isEnough) continue;
    isEnough = onReport(JSON.parse(line) as Report) === true;
    if (isEnough) child.kill();
  }
  const code = await ended;
  if (code !== 0 && !isEnough) throw new Error(`${script} ended with ${code} at ${JSON.stringify(task)}`);
}

export type CrewOptions = {
  readonly script: string;
  readonly from: number;
  readonly runs: number;
  readonly jobs: number;
  readonly limitMs?: number;
  /** Stops everybody at the first failure. */
  readonly isOne?: boolean;
  readonly onReport: (report: Report) => void;
};

/** Runs seeds from…from+runs−1 in several processes. */
export async function workTogether({ script, from, runs, jobs, limitMs, isOne, onReport }: CrewOptions): Promise<void> {
  let isOver = false;
  await Promise.all(
    Array.from({ length: Math.min(jobs, runs) }, (_, job) =>
      work(
        script,
        {
          from: from + job,
          count: Math.ceil((runs - job) / jobs),
          every: jobs,
          ...(limitMs !== undefined && { limitMs }),
          ...(isOne && { isOne }),
        },
        (report) => {
          onReport(report);
          isOver ||= isOne === true && report.findings.length > 0;
          return isOver;
        },
      ),
    ),
  );
}
