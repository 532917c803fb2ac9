/** The report: a markdown table with the machine named, and the same as JSON beside it. */

import { writeFileSync } from 'node:fs';
import { type Results, ratios, type Summary, type SystemResult, summarise } from './results.js';

const HEAD = [
  '',
  'write → visible, p50',
  'p95',
  'p99',
  'worst',
  'files at once',
  'credits lost',
  'same second, arrived',
];

/** Writes `results.json` and `results.md` into a folder. */
export function saveReport(results: Results, folder: string): void {
  const summaries = Object.fromEntries(results.systems.map((system) => [system.name, summarise(system)]));
  const all = { ...results, medians: summaries, axle_to_best_rival: ratios(results.systems) };
  writeFileSync(`${folder}/results.json`, `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(`${folder}/results.md`, markdown(results));
}

export function markdown(results: Results): string {
  const { machine, options, systems } = results;
  const rows = [HEAD, HEAD.map(() => '---'), ...systems.map(row)];
  const lines = [
    `Three hosts (own systemd and sshd each) on one machine: ${machine.cpu}, ${machine.cores} cores, ` +
      `${machine.memory_gib} GiB, ${machine.os}, Linux ${machine.kernel}, Node ${machine.node}, ${machine.rsync}, ` +
      `${machine.ssh}; files on ${machine.storage}. ${results.taken_at.slice(0, 10)}.`,
    `${plural(options.runs, 'run')} of ${options.writes} writes ${options.spacing_ms.join('–')} ms apart and ${options.files} ` +
      `new files, systems in turn, the same measuring code; medians over runs. Measuring itself takes ${ms(results.floor_p50_ms)} of each latency.`,
    '',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...systems.map((system) => `- **${system.name}**: ${system.version}; ${system.settings}.`),
    ...systems.flatMap(failures),
    ...comparison(results),
  ];
  return `${lines.join('\n')}\n`;
}

function row(system: SystemResult): string[] {
  const summary = summarise(system);
  return [system.name, latency(summary), ...percentiles(summary), burst(summary), ...counts(system, summary)];
}

function latency({ p50_ms, writes_lost = 0 }: Summary): string {
  if (p50_ms === undefined) return '–';
  return writes_lost === 0 ? ms(p50_ms) : `${ms(p50_ms)} (${writes_lost} never seen)`;
}

function percentiles({ p95_ms, p99_ms, max_ms }: Summary): string[] {
  return [p95_ms, p99_ms, max_ms].map((value) => (value === undefined ? '–' : ms(value)));
}

function burst({ files_per_s, files_missing = 0 }: Summary): string {
  if (files_per_s === undefined) return '–';
  const rate = `${Math.round(files_per_s)} files/s`;
  return files_missing === 0 ? rate : `${rate} (${files_missing} missing)`;
}

function counts({ two_way }: SystemResult, { credits_lost, same_second }: Summary): string[] {
  const none = two_way ? '–' : 'one way only';
  return [
    credits_lost === undefined ? none : `${credits_lost[0]} of ${credits_lost[1]}`,
    same_second === undefined ? '–' : `${same_second[0]} of ${same_second[1]}`,
  ];
}

function failures(system: SystemResult): string[] {
  return system.runs.flatMap(({ error }, n) =>
    error === undefined ? [] : [`- ${system.name}, run ${n + 1} ended early: ${error.split('\n')[0]}`],
  );
}

function comparison({ systems }: Results): string[] {
  const { latency_p50, files_per_s } = ratios(systems);
  const parts: string[] = [];
  if (latency_p50 !== undefined) parts.push(`${latency_p50.toFixed(1)} × as fast for one write`);
  if (files_per_s !== undefined) parts.push(`${files_per_s.toFixed(1)} × as fast for many files`);
  return parts.length === 0 ? [] : ['', `Axle beside the best rival of the same run: ${parts.join(', ')}.`];
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? `one ${noun}` : `${count} ${noun}s`;
}
