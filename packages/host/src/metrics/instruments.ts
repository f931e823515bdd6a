import type { Pipeline } from '@leat/sdk';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type MetricRow,
  METRICS,
} from './metrics.ts';
import { type Role, roleName } from '../role.ts';

/** What measures: one instrument for each metric. Those that the role does not have are shown nowhere. */
export type Instruments = Readonly<
  Record<CounterName, Counter> & Record<GaugeName, Gauge> & Record<HistogramName, Histogram>
>;

/** From a millisecond to ten minutes. */
const DURATION_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600];
/** Node's own that break the naming conventions; each repeats the sum of one that does not. */
const ILL_NAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** Makes the instruments of a process. */
export function createInstruments(
  pipeline: Pipeline,
  roles: readonly Role[],
): { readonly registry: Registry; readonly instruments: Instruments } {
  const registry = new Registry();
  registry.setDefaultLabels({ pipeline: pipeline.name, role: roleName(roles) });
  collectDefaultMetrics({ register: registry });
  for (const name of ILL_NAMED) registry.removeSingleMetric(name);
  const instruments = Object.entries(METRICS).map(([key, row]) => [
    key,
    instrumentOf(row, row.roles.some((role) => roles.includes(role)) ? [registry] : []),
  ]);
  return { registry, instruments: Object.fromEntries(instruments) as Instruments };
}

function instrumentOf(row: MetricRow, registers: Registry[]): Counter | Gauge | Histogram {
  const { name, labels, help } = row;
  const common = { name, help: `${help}.`, labelNames: [...labels], registers };
  if (row.type === 'counter') return new Counter(common);
  if (row.type === 'gauge') return new Gauge(common);
  return new Histogram({ ...common, buckets: DURATION_BUCKETS });
}
