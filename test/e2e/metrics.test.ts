import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { run } from '../support/command.ts';
import { DEADLINE_MS, Deployment, type Role } from '../support/deployment.ts';
import { findPrometheus, startPrometheus } from '../support/prometheus.ts';
import { until } from '../support/until.ts';

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const DASHBOARD = path('helm/leat/dashboards/leat.json');
const ALERTS = path('helm/leat/alerts/leat.yaml');

const found = await findPrometheus();
if ('lack' in found) process.stderr.write(`metrics: not scraped, for want of ${found.lack}\n`);

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}
interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly query: string;
      readonly health: string;
      readonly state: string;
    }[];
  }[];
}

describe.skipIf('lack' in found)('Prometheus', () => {
  const programs = 'lack' in found ? { server: '', promtool: '' } : found;

  test('the alerts fire when they should, and only then', async () => {
    await run(programs.promtool, ['check', 'rules', '--lint=all', '--lint-fatal', ALERTS]);
    const said = await run(programs.promtool, ['test', 'rules', path('test/fixtures/alerts.yaml')]);
    expect(said).toContain('SUCCESS');
  });

  test('it scrapes a running pipeline, and each query of dashboard and alerts has data', async () => {
    const deployment = await Deployment.create('steady.ts', { env: { LEAT_HTTP_PORT: '0' } });
    // An hour of work, of which the test needs the first seconds.
    await deployment.start({ count: 10_000_000, delayMs: 20 });
    const roles: readonly Role[] = ['fetcher', 'mapper', 'saver'];
    const services = roles.map((role) => deployment.replica(role));
    const targets: string[] = [];
    for (const service of services) {
      const port = (): string | undefined => /"port":(\d+)/.exec(service.stderr())?.[1];
      await until('it has a port', () => port() !== undefined, DEADLINE_MS);
      targets.push(`127.0.0.1:${port()}`);
    }
    await using prometheus = await startPrometheus(programs, targets, ALERTS);
    const hasData = (what: string, query: string): Promise<void> =>
      until(
        `${what}: ${query}`,
        async () => (await prometheus.query(query)).some(({ value }) => Number.isFinite(value)),
        DEADLINE_MS,
      );
    const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as Dashboard;
    expect(panels.length).toBeGreaterThan(10);
    for (const { title, targets: queries } of panels) {
      for (const { expr } of queries) {
        const query = expr.replaceAll('$pipeline', 'steady').replaceAll('$__rate_interval', '10s');
        await hasData(title, query);
      }
    }
    const rules = async (): Promise<Rules['groups'][number]['rules']> =>
      (await prometheus.get<Rules>('rules')).groups.flatMap((group) => group.rules);
    for (const { name, query } of await rules()) {
      const metrics = query.match(/leat_\w+/g) ?? [];
      expect({ name, metrics }).not.toEqual({ name, metrics: [] });
      for (const metric of metrics) await hasData(name, metric);
    }
    expect(await rules()).toHaveLength(4);
    await until(
      'all alerts are well and still',
      async () =>
        (await rules()).every(({ health, state }) => health === 'ok' && state === 'inactive'),
      DEADLINE_MS,
    );
    for (const target of targets) {
      const page = await (await fetch(`http://${target}/metrics`)).text();
      expect(page).toContain('leat_nats_up{pipeline="steady"');
      const said = await run(programs.promtool, ['check', 'metrics'], { input: page });
      expect(said).toBe('');
    }

    services[0]?.kill('SIGKILL');
    await until(
      'Prometheus notices that nobody conducts',
      async () =>
        (await rules()).some(
          ({ name, state }) => name === 'LeatNoActiveFetcher' && state === 'pending',
        ),
      DEADLINE_MS,
    );
  });
});
