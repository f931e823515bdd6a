import { type NumberRule, readJson } from '@leat/core';

/**
 * What stands in a line, for a test to compare: a number that JavaScript cannot hold exactly is as the stage reads
 * it; where its record would be a dead letter, as the text that stands there.
 */
export function valueIn(line: string, numbers: NumberRule): unknown {
  try {
    return readJson(line, numbers === 'exact' ? 'text' : numbers);
  } catch {
    return readJson(line, 'text'); // a decimal where there may be big integers
  }
}
