import { describe, expect, test } from 'vitest';
import { NATS_ROLES, permissionsOf } from './permissions.ts';
import type { PipelineSpec } from './spec.ts';

const SPEC: PipelineSpec = {
  name: 'p',
  stages: [
    { name: 'numbers', kind: 'fetcher' },
    { name: 'first', kind: 'mapper', from: 'numbers' },
    { name: 'second', kind: 'mapper', from: 'first' },
    { name: 'files', kind: 'saver', from: 'second' },
    { name: 'raw', kind: 'saver', from: 'numbers' },
  ],
};

const publish = (role: (typeof NATS_ROLES)[number]): readonly string[] =>
  permissionsOf(SPEC, role).publish;

const kept = (role: (typeof NATS_ROLES)[number]): string[] =>
  publish(role)
    .filter((subject) => subject.startsWith('$KV.'))
    .map((subject) => subject.split('.')[2] ?? '');

describe('the permissions of a role', () => {
  test('are each there once, in order, and only for this pipeline', () => {
    for (const role of NATS_ROLES) {
      const subjects = publish(role);
      expect(subjects).toEqual([...new Set(subjects)].toSorted());
      const general = subjects.filter(
        (subject) => !/leat_p(?:[_.]|$)|^leat\.v1\.p\./.test(subject),
      );
      const listings = new Set(['$JS.API.INFO', '$JS.API.STREAM.LIST', '$JS.API.STREAM.NAMES']);
      expect(general.filter((subject) => !listings.has(subject))).toEqual([]);
      expect(permissionsOf(SPEC, role).subscribe).toEqual(['_INBOX.>']);
    }
  });

  test('let each write the entries that are its own', () => {
    expect(kept('fetcher')).toEqual(['code', 'progress', 'run', 'trouble', 'wish']);
    expect(kept('mapper')).toEqual(['code', 'trouble', 'u']);
    expect(kept('saver')).toEqual(['code', 'sink', 'trouble']);
    expect(kept('operator')).toEqual(['progress', 'redrive', 'run', 'wish']);
    expect(kept('observer')).toEqual([]);
  });

  test('let chunks go down the graph only', () => {
    const queues = (role: (typeof NATS_ROLES)[number]): string[] =>
      publish(role).filter((subject) => /^leat\.v1\.p\.(?:first|second|files|raw)\./.test(subject));
    expect(queues('mapper')).toEqual(['leat.v1.p.files.*', 'leat.v1.p.second.*']);
    expect(queues('saver')).toEqual([]);
    expect(queues('operator')).toEqual([]);
    // Whatever has died is tried again by the fetcher.
    expect(queues('fetcher')).toHaveLength(4);
  });

  test('let mappers do the work of inline stages, and nobody use queues that are not there', () => {
    const inline = ({ name, ...rest }: PipelineSpec['stages'][number]) =>
      name === 'second' || name === 'files'
        ? { name, ...rest, inline: true as const }
        : { name, ...rest };
    const spec = { ...SPEC, stages: SPEC.stages.map(inline) };
    for (const role of NATS_ROLES) {
      const all = permissionsOf(spec, role).publish.join('\n');
      expect(all).not.toMatch(/leat_p_(?:second|files)|leat\.v1\.p\.(?:second|files)/);
    }
    const mine = permissionsOf(spec, 'mapper').publish;
    expect(mine.filter((subject) => subject.startsWith('$KV.'))).toEqual([
      '$KV.leat_p.code.>',
      '$KV.leat_p.sink.>',
      '$KV.leat_p.trouble.>',
      '$KV.leat_p.u.>',
    ]);
    expect(mine).toContain('$JS.API.CONSUMER.MSG.NEXT.leat_p_first.first');
  });

  test('let nobody create streams but a fetcher and an operator', () => {
    const making = /^\$JS\.API\.STREAM\.(?:CREATE|UPDATE|DELETE|RESTORE)\./;
    const makers = NATS_ROLES.filter((role) => publish(role).some((each) => making.test(each)));
    expect(makers).toEqual(['fetcher', 'operator']);
    const made = publish('operator').filter((subject) => making.test(subject));
    expect(made.every((subject) => subject.startsWith('$JS.API.STREAM.CREATE.'))).toBe(true);
  });

  test('let a fetcher alone change them, and delete those whose messages are sent again', () => {
    const prefix = '$JS.API.STREAM.DELETE.';
    const deleted = publish('fetcher').filter((subject) => subject.startsWith(prefix));
    expect(deleted.map((subject) => subject.slice(prefix.length))).toEqual([
      'OBJ_leat_p',
      'leat_p_files',
      'leat_p_first',
      'leat_p_raw',
      'leat_p_receipts',
      'leat_p_second',
    ]);
    expect(publish('fetcher').filter((each) => each.includes('STREAM.UPDATE'))).toHaveLength(8);
    expect(publish('fetcher').some((subject) => subject.includes('RESTORE'))).toBe(false);
  });
});
