import type { Ratios } from '../scenario.ts';
import { figure, type Table } from './table.ts';

/** Shapes of the job as rows, contenders as columns. */
export function ratioTable(title: string, ratios: Ratios): Table {
  const columns = [...new Set(Object.values(ratios).flatMap((row) => Object.keys(row)))];
  return {
    title,
    head: ['', ...columns],
    rows: Object.entries(ratios).map(([shape, row]) =>
      [shape].concat(columns.map((column) => figure(row[column] ?? Number.NaN))),
    ),
  };
}
