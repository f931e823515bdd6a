import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { fixture, leat } from '../support/leat.ts';
import { tempDir } from '../support/temp-dir.ts';

const SQUARES = fixture('squares.ts');

interface Case {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly says: RegExp;
}

const CASES: readonly Case[] = [
  { args: ['nonsense'], says: /no command "nonsense": use one of init, dev, / },
  { args: ['stauts'], says: /no command "stauts": did you mean "status"\?/ },
  { args: ['dev', SQUARES, '--mapers', '2'], says: /no option --mapers: did you mean --mappers\?/ },
  { args: ['--mappers', '0', 'dev', SQUARES], says: /--mappers must be a whole number.*"0"/ },
  { args: ['dev'], says: /takes <pipeline> and got 0 operands: see "leat dev --help"/ },
  { args: ['dev', SQUARES, 'more'], says: /takes <pipeline> and got 2 operands/ },
  { args: ['verify'], says: /takes <run> \[pipeline\]/ },
  {
    args: ['dev', SQUARES, '--frobnicate'],
    says: /"leat dev" has no option --frobnicate: see "leat dev --help"/,
  },
  { args: ['dev', SQUARES, '--mappers', '0'], says: /--mappers must be a whole number.*"0"/ },
  { args: ['dev', SQUARES, '--mappers', 'many'], says: /--mappers must be a whole number.*"many"/ },
  { args: ['dev', SQUARES, '--mappers'], says: /--mappers.*argument missing/ },
  { args: ['dev', SQUARES, '--param', 'nonsense'], says: /--param must be key=value.*"nonsense"/ },
  { args: ['start', SQUARES, '--param', '=x'], says: /--param must be key=value.*"=x"/ },
  { args: ['dev', SQUARES, '--run', 'Bad Id'], says: /run id "Bad Id" must be/ },
  { args: ['start', SQUARES, '--run', 'a.b'], says: /run id "a\.b" must be/ },
  {
    args: ['dev', SQUARES],
    env: { LEAT_LOG_FORMAT: 'xml' },
    says: /LEAT_LOG_FORMAT\) must be one of console, json; it is "xml"/,
  },
  {
    args: ['dev', SQUARES],
    env: { LEAT_QUEUE_MAX_CHUNKS: '-1' },
    says: /LEAT_QUEUE_MAX_CHUNKS\) must be a whole number from 1; it is "-1"/,
  },
  {
    args: ['dev', SQUARES],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' },
    says: /OTEL_EXPORTER_OTLP_ENDPOINT\) must be an address that begins with http:\/\/ or https:\/\/; it is something that is not shown/,
  },
  {
    args: ['mapper', SQUARES, '--http-host', ''],
    says: /--http-host \(LEAT_HTTP_HOST\) must be an address or a host name; it is ""/,
  },
  {
    args: ['mapper', SQUARES, '--http-port', '0', '--http-host', '192.0.2.1'],
    says: /Nobody can listen on port 0 of 192\.0\.2\.1 \(listen EADDRNOTAVAIL[^)]*\): choose another port/,
  },
  { args: ['dev', SQUARES, '--log-level', 'loud'], says: /--log-level .* it is "loud"/ },
  {
    args: ['dev', SQUARES, '--report', 'no/such/directory/report.json'],
    says: /--report.*no\/such\/directory\/report\.json/,
  },
  { args: ['dev', SQUARES, '--report', '.'], says: /--report.*EISDIR/ },
  { args: ['dev', SQUARES, '--state-dir', '/dev/null'], says: /state directory \/dev\/null/ },
  {
    args: ['mapper', SQUARES, '--stage', 'cubes'],
    says: /no mapper named "cubes"; it has squares/,
  },
];

test.each(CASES)('leat $args is refused: $says', async ({ args, env = {}, says }) => {
  await using dir = await tempDir();
  const ended = await leat(args, { cwd: dir.path, env });
  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) });
  expect(ended.stderr).toMatch(/^leat: [^\n]+\n$/);
  expect(await readdir(dir.path)).toEqual([]);
});

test('a run that is not there is named by status, export and verify', async () => {
  await using dir = await tempDir();
  expect(await leat(['dev', SQUARES, '--param', 'count=10'], { cwd: dir.path })).toMatchObject({
    code: 0,
  });
  for (const command of ['status', 'export', 'verify']) {
    const ended = await leat([command, 'no-such-run'], { cwd: dir.path });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/There is no run "no-such-run"/);
  }
});
