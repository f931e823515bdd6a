import { createSecretKey } from 'node:crypto';
import type { Logger } from '@leat/sdk';
import type { StoredMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RefusedEntries } from './refused-entries.ts';
import { Signing } from './signing.ts';
import type { SigningKey } from './signature.ts';
import { tellRefusals } from './tell-refusals.ts';

const key = (id: string, fill: number): SigningKey => ({
  id,
  secret: createSecretKey(Buffer.alloc(32, fill)),
});
const [A, B] = [key('a', 1), key('b', 2)];
const SUBJECT = 'leat.v1.p.work.r';

const logged: string[] = [];
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (first: unknown, second?: unknown) =>
    void logged.push(`${JSON.stringify(first)} ${second}`),
};
const signing = (...keys: readonly [SigningKey, ...SigningKey[]]): Signing =>
  new Signing(keys, { name: 'leat mapper', logger });

function messageBy(signer: Signing, subject = SUBJECT): { headers: MsgHdrs; data: Buffer } {
  const message = { headers: headers(), data: Buffer.from('x') };
  signer.sign(subject, message.headers, message.data);
  return message;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] });
  logged.length = 0;
});
afterEach(() => void vi.useRealTimers());

describe('what is refused', () => {
  test('is counted each time, and said once a second with the count', () => {
    const reader = signing(A);
    const forged = { subject: SUBJECT, headers: headers(), data: Buffer.from('x') };
    for (let n = 0; n < 3; n++) reader.refusalOf(forged);
    vi.advanceTimersByTime(999);
    reader.refusalOf(forged);
    vi.advanceTimersByTime(1);
    expect(reader.refusalOf(forged)).toMatchObject({ mayBeGood: false });
    expect(reader.refused).toBe(5);
    expect(logged.map((line) => /"refused":(\d)/.exec(line)?.[1])).toEqual(['1', '5']);
  });

  test('says why, and whether others may know better', () => {
    const reader = signing(B);
    const message = { subject: SUBJECT, ...messageBy(signing(A, B)) };
    expect(reader.refusalOf(message)).toMatchObject({
      mayBeGood: true,
      reason: expect.stringMatching(
        /^leat mapper refuses .* the key a, and known are: b\. Give it/,
      ),
    });
    expect(signing(A).refusalOf(message)).toBeUndefined();
    expect(signing(B, A).refusalOf(message)).toBeUndefined();
    expect(signing(key('a', 3)).refusalOf(message)).toMatchObject({
      mayBeGood: false,
      reason: expect.stringMatching(/the key a is another one where it was written/),
    });
    message.headers.set('Leat-Signature', 'v9;whatever');
    expect(reader.refusalOf(message)).toMatchObject({ mayBeGood: true });
  });

  test('is a body in the object store that is not the one of its message', () => {
    const reader = signing(A);
    const message = { subject: SUBJECT, headers: headers(), data: Buffer.alloc(0) };
    reader.signBody(message.headers, Buffer.from('large'));
    reader.sign(SUBJECT, message.headers, message.data);
    expect(reader.refusalOf(message)).toBeUndefined();
    expect(reader.refusalOfBody(message, Buffer.from('large'))).toBeUndefined();
    expect(reader.refusalOfBody(message, Buffer.from('other'))).toMatchObject({ mayBeGood: false });
  });

  test('is noted beside its run, every ten seconds, and not of runs without end', async () => {
    const notes: string[] = [];
    const spec = {
      name: 'p',
      stages: [
        { name: 'in', kind: 'fetcher' },
        { name: 'work', kind: 'mapper', from: 'in' },
      ],
    } as const;
    const tellTrouble = async (run: string, { stage }: { stage: string }): Promise<void> =>
      void notes.push(`${run} ${stage}`);
    const tell = tellRefusals(spec, { tellTrouble } as never, logger);
    for (const subject of [
      SUBJECT,
      SUBJECT,
      'leat.v1.p.receipts.r',
      'leat.v1.p.dead.r.settled',
      '$KV.leat_p.wish.r2',
    ]) {
      tell(subject, 'why');
    }
    expect(notes).toEqual(['r work', 'r in', 'r2 in']);
    vi.advanceTimersByTime(10_000);
    for (let n = 0; n < 1_000; n++) tell(`leat.v1.p.work.r${n}`, 'why');
    expect(notes).toHaveLength(3 + 100);
  });
});

describe('an entry that is refused', () => {
  const entry = (seq: number, signer?: Signing): StoredMsg => {
    const subject = '$KV.leat_p.run.r';
    const { headers: header, data } = messageBy(signer ?? signing(B), subject);
    return { subject, header, data, seq, time: new Date() } as unknown as StoredMsg;
  };

  test('is counted and said once, however often it is read', () => {
    const reader = signing(A);
    const told: string[] = [];
    reader.onRefused((subject) => void told.push(subject));
    const refused = new RefusedEntries(reader);
    const found = entry(7);
    for (let n = 0; n < 3; n++) expect(refused.has('run.r', found)).toBe(true);
    expect({ counted: reader.refused, told: told.length }).toEqual({ counted: 1, told: 3 });
    // Nobody waits for a run that is so old.
    vi.advanceTimersByTime(3_600_000);
    expect(refused.has('run.r', found)).toBe(true);
    expect(told).toHaveLength(3);
    expect(refused.has('run.r', entry(8))).toBe(true);
    expect(reader.refused).toBe(2);
  });

  test('need not be read again at once, until it is another one', () => {
    const reader = signing(A);
    const refused = new RefusedEntries(reader);
    refused.has('run.r', entry(7));
    expect([refused.hadLately('run.r'), refused.hadLately('run.s')]).toEqual([true, false]);
    vi.advanceTimersByTime(10_000);
    expect(refused.hadLately('run.r')).toBe(false);
    refused.has('run.r', entry(7));
    expect(refused.has('run.r', entry(8, reader))).toBe(false);
    expect(refused.hadLately('run.r')).toBe(false);
  });

  test('is believed where there is no key', () => {
    expect(new RefusedEntries(undefined).has('run.r', entry(1))).toBe(false);
  });
});
