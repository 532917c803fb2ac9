/** What deploy/monitoring asks for is what a site's /metrics really prints, and every alert has its place in the handbook. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRIC_NAMES, siteRegistry } from '../../common/site/metrics.js';
import { Lab } from '../../common/testing/sites.js';
import { Metrics } from '../../sidecar/metrics.js';

const ROOT = path.join(import.meta.dirname, '../..');
const FOLDER = path.join(ROOT, 'deploy/monitoring');
const read = (file: string): string => fs.readFileSync(path.join(ROOT, file), 'utf8');

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly remedy: string; readonly runbook: string };
};
const rules: readonly Rule[] = parse(read('deploy/monitoring/axle.rules.yaml')).groups[0].rules;

type Panel = { readonly title: string; readonly targets: readonly { readonly expr: string }[] };
const dashboard = JSON.parse(read('deploy/monitoring/axle.dashboard.json'));
const panels: readonly Panel[] = dashboard.panels;

const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...dashboard.annotations.list.map(({ name, expr }: { name: string; expr: string }) => [name, expr] as const),
];

/** Of Prometheus itself. */
const FOREIGN = new Set(['up']);
const FUNCTIONS = new Set(['rate', 'increase', 'changes', 'min_over_time', 'histogram_quantile', 'sum', 'vector']);
const WORDS = new Set(['by', 'on', 'or', 'unless']);

/** Every metric in an expression, with its selectors. */
function metricsIn(expr: string): { name: string; selectors: [label: string, values: string][] }[] {
  const plain = expr.replace(/\b(by|on) *\([^)]*\)/g, '').replace(/\[[^\]]*\]/g, '');
  return [...plain.matchAll(/(?<![\w$"{])([a-z_]+)\b(?:\{([^}]*)\})?/g)]
    .map(([, name = '', selectors = '']) => ({
      name,
      selectors: [...selectors.matchAll(/(\w+)=~?"([^"]*)"/g)].map(([, label = '', values = '']): [string, string] => [
        label,
        values,
      ]),
    }))
    .filter(({ name }) => !FUNCTIONS.has(name) && !WORDS.has(name) && !FOREIGN.has(name));
}

describe('deploy/monitoring', () => {
  let lab: Lab;
  let printed: string;

  beforeAll(async () => {
    lab = await Lab.started();
    lab.site('roflfaucet').write('balances/1-andy', { balance: 5 });
    await lab.expectBalance('balances/1-andy', 5);
    const { hub } = lab;
    // A step that does not work: its family has a line only then.
    hub.site.status();
    const registry = siteRegistry('directsponsor', () => ({
      ...hub.site.status(),
      troubles: [{ step: 'scan', code: 'AXL-DISK-FULL', reason: '', hint: '' }],
    }));
    const sidecar = new Metrics(registry);
    sidecar.request('GET', '/healthz', 200, 0.01);
    sidecar.changed('5');
    sidecar.refused('insufficient_funds');
    printed = await registry.metrics();
  });
  afterAll(() => lab?.close());

  it.each(expressions)('%s asks for what there is: %s', (_name, expr) => {
    const found = metricsIn(expr);
    if (!expr.startsWith('up{')) expect(found.length).toBeGreaterThan(0);
    for (const { name, selectors } of found) {
      const lines = printed.split('\n').filter((line) => line.startsWith(`${name}{`));
      expect(lines.length, name).toBeGreaterThan(0);
      for (const [label, values] of selectors) {
        // These come from Prometheus and from the person who looks.
        if (label === 'job' || values.startsWith('$')) continue;
        for (const value of values.split('|').filter((one) => /^\w+$/.test(one)))
          expect(
            lines.some((line) => line.includes(`${label}="${value}"`)),
            `${name}{${label}="${value}"}`,
          ).toBe(true);
      }
    }
  });

  it('shows every figure of a site somewhere', () => {
    const used = new Set(expressions.flatMap(([, expr]) => metricsIn(expr).map(({ name }) => name)));
    const isUsed = (name: string): boolean => [name, `${name}_bucket`, `${name}_count`].some((one) => used.has(one));
    expect(METRIC_NAMES.filter((name) => !isUsed(name))).toEqual(['axle_info', 'axle_last_change_timestamp_seconds']);
  });

  it('has a label for every label that an alert names', () => {
    for (const { alert, expr, annotations } of rules) {
      const named = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      const [metric] = metricsIn(expr);
      const line = printed.split('\n').find((one) => one.startsWith(`${metric?.name}{`));
      for (const label of named.filter((one) => one !== 'instance' && one !== 'site'))
        expect(line, `${alert}: ${label}`).toContain(`${label}="`);
    }
  });

  it('says for every alert what it is, what to do, and where that is explained', () => {
    const headings = [...read('docs/OPERATING.md').matchAll(/^### (Axle\w+)$/gm)].map(([, name]) => name);
    expect(headings.sort()).toEqual(rules.map(({ alert }) => alert).sort());
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
      expect(Object.keys(annotations).sort()).toEqual(['remedy', 'runbook', 'summary']);
      expect(annotations.runbook).toBe(`docs/OPERATING.md#${alert.toLowerCase()}`);
    }
  });

  it('is a dashboard that Grafana can take: each panel in a place of its own, each with a query', () => {
    const places = panels.map(
      (panel) => (panel as unknown as { gridPos: { x: number; y: number; w: number; h: number } }).gridPos,
    );
    const cells = places.flatMap(({ x, y, w, h }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)}:${y + Math.floor(n / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(places.every(({ x, w }) => x + w <= 24)).toBe(true);
    expect(new Set(dashboard.panels.map(({ id }: { id: number }) => id)).size).toBe(panels.length);
    for (const { targets } of panels) expect(targets.length).toBeGreaterThan(0);
  });

  const promtool = [path.join(ROOT, '.cache/promtool'), '/usr/bin/promtool'].find((one) => fs.existsSync(one));
  const skipped = promtool === undefined ? ': skipped, promtool is missing (Debian’s package prometheus)' : '';
  it
    .skipIf(promtool === undefined)
    .each([
      [['check', 'rules', 'axle.rules.yaml']],
      [['test', 'rules', 'axle.rules.test.yaml']],
      [['check', 'config', '--syntax-only', 'prometheus.yaml']],
    ])(`promtool %s agrees${skipped}`, (args) => {
    const { status, stdout, stderr } = spawnSync(promtool as string, args, { cwd: FOLDER, encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  });
});
