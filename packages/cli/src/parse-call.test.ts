import { expect, test } from 'vitest';
import type { Command } from './command.ts';
import { parseCall } from './parse-call.ts';

const STATUS: Command = {
  name: 'status',
  operands: '[run]',
  operandCount: [0, 1],
  summary: '',
  settings: ['nats'],
  examples: ['', ''],
  options: {
    json: { type: 'boolean', meaning: '' },
    monitor: { type: 'string', multiple: true, meaning: '' },
  },
  run: () => Promise.resolve(0),
};

const parse = (...args: string[]): ReturnType<typeof parseCall> =>
  parseCall('status', STATUS, args, { NATS_USER: 'u' });

test('the words behind a command are its operands, its options and its settings', () => {
  const call = parse('--json', 'r1', '--monitor', 'a', '--nats=nats://b', '--monitor', 'c');
  expect(call.operands).toEqual(['r1']);
  expect(call.flags).toMatchObject({ json: true, monitor: ['a', 'c'] });
  expect(call.settings.nats).toEqual({ url: 'nats://b', user: 'u' });
});

test.each([
  [['--jsno'], '"leat status" has no option --jsno: did you mean --json?'],
  [['--moniter=x'], '"leat status" has no option --moniter: did you mean --monitor?'],
  [['--log-levle', 'warn'], '"leat status" has no option --log-levle: did you mean --log-level?'],
  [['-x'], '"leat status" has no option -x: see "leat status --help".'],
  [['--frobnicate'], '"leat status" has no option --frobnicate: see "leat status --help".'],
  [['--http-port', '1'], '--http-port has no effect on "leat status": see "leat status --help".'],
  [['--monitor'], 'Option \'--monitor <value>\' argument missing: see "leat status --help".'],
  [['a', 'b'], 'It takes [run] and got 2 operands: see "leat status --help".'],
])('%j is refused: %s', (args, sentence) => {
  expect(() => parse(...args)).toThrow(sentence);
});
