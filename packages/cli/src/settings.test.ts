import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

test('the version of the code is what the operator calls it, and nothing where he says nothing', () => {
  expect(readSettings({ 'code-version': 'v1-2_3' }, {}).codeVersion).toBe('v1-2_3');
  expect(readSettings({}, { LEAT_CODE_VERSION: 'sha-0123abc' }).codeVersion).toBe('sha-0123abc');
  expect(readSettings({}, { LEAT_CODE_VERSION: '' }).codeVersion).toBeUndefined();
});

test.each(['1.2.3', 'a b', 'é', '*', '>', 'x'.repeat(65)])(
  'the version %j is refused: it is a part of a key',
  (version) => {
    expect(() => readSettings({ 'code-version': version }, {})).toThrow(
      '--code-version (LEAT_CODE_VERSION) must be 1 to 64 letters, digits, - or _',
    );
  },
);
