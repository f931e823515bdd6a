import { createSecretKey } from 'node:crypto';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalText, flawOf, SIGNATURE, signatureOf, type SigningKey } from './signature.ts';

const KEY: SigningKey = { id: 'a', secret: createSecretKey(Buffer.alloc(32, 1)) };
const OTHER: SigningKey = { id: 'b', secret: createSecretKey(Buffer.alloc(32, 2)) };

/** A message as data; a header may have several values. */
interface Plain {
  readonly subject: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly data: string;
}

function headersOf(fields: Plain['fields']): MsgHdrs {
  const result = headers();
  for (const [name, value] of fields) result.append(name, value);
  return result;
}

function messageOf({ subject, fields, data }: Plain, signature?: string) {
  const found = headersOf(fields);
  if (signature !== undefined) found.set(SIGNATURE, signature);
  return { subject, headers: found, data: Buffer.from(data) };
}

// A header's value comes without spaces around it.
const value = fc.string({ maxLength: 8 }).map((text) => text.replaceAll(/[\r\n]/g, '').trim());
const name = fc.oneof(
  fc.constantFrom('Leat-Chunk', 'Leat-Counts', 'Leat-Born', 'Nats-Msg-Id', 'Leat-'),
  fc.stringMatching(/^[A-Za-z]{0,6}$/).map((text) => `Leat-${text}`),
);
const plain: fc.Arbitrary<Plain> = fc.record({
  subject: fc.stringMatching(/^[a-z.]{0,8}$/),
  fields: fc
    .array(fc.tuple(name, value), { maxLength: 5 })
    .map((fields) => fields.filter(([each]) => each !== SIGNATURE)),
  data: fc.string({ maxLength: 12 }),
});

/** What decides of a message, whatever the order of its headers. */
function meaningOf({ subject, fields, data }: Plain): string {
  const byName = new Map<string, string[]>();
  for (const [each, text] of fields) byName.set(each, [...(byName.get(each) ?? []), text]);
  return JSON.stringify([
    subject,
    Object.entries(Object.fromEntries(byName)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    Buffer.from(data).toString('hex'),
  ]);
}

describe('a signature', () => {
  test('is believed with the key that made it, whatever stands beside it', () => {
    fc.assert(
      fc.property(plain, fc.boolean(), (message, isFirst) => {
        const signed = messageOf(message, signatureOf(KEY, messageOf(message)));
        signed.headers.set('traceparent', '00-1-2-01');
        expect(flawOf(isFirst ? [KEY, OTHER] : [OTHER, KEY], signed)).toBeUndefined();
      }),
    );
  });

  test('is good for one message only', () => {
    fc.assert(
      fc.property(plain, plain, (one, other) => {
        fc.pre(meaningOf(one) !== meaningOf(other));
        expect(canonicalText(messageOf(one))).not.toBe(canonicalText(messageOf(other)));
        const moved = messageOf(other, signatureOf(KEY, messageOf(one)));
        expect(flawOf([KEY], moved)).toBe('wrong');
      }),
    );
  });

  test('is refused when any character of a signed part is another one', () => {
    const parts = ['subject', 'name', 'value', 'data', 'id'] as const;
    fc.assert(
      fc.property(plain, fc.constantFrom(...parts), fc.nat(), (message, part, at) => {
        const flip = (text: string): string => {
          const place = at % (text.length + 1);
          return `${text.slice(0, place)}${text[place] === 'x' ? 'y' : 'x'}${text.slice(place + 1)}`;
        };
        const fields = [...message.fields, ['Leat-Last', 'v'], ['Nats-Msg-Id', 'i']] as const;
        const whole = { ...message, fields };
        const change = (which: string, [each, text]: readonly [string, string]) =>
          [
            part === 'name' && each === which ? `Leat-${flip(each.slice(5))}` : each,
            part !== 'name' && each === which ? flip(text) : text,
          ] as const;
        const changed = {
          subject: part === 'subject' ? flip(message.subject) : message.subject,
          fields:
            part === 'name' || part === 'value'
              ? fields.map((field) => change('Leat-Last', field))
              : part === 'id'
                ? fields.map((field) => change('Nats-Msg-Id', field))
                : fields,
          data: part === 'data' ? flip(message.data) : message.data,
        };
        const signature = signatureOf(KEY, messageOf(whole));
        expect(flawOf([KEY], messageOf(changed, signature))).toBe('wrong');
      }),
    );
  });

  test('is refused when it is changed itself', () => {
    const message: Plain = { subject: 's', fields: [['Leat-Chunk', '7']], data: 'x' };
    const signature = signatureOf(KEY, messageOf(message));
    const [, , code = ''] = signature.split(';');
    for (let at = 0; at < code.length - 1; at++) {
      const altered = `${code.slice(0, at)}${code[at] === 'A' ? 'B' : 'A'}${code.slice(at + 1)}`;
      expect(flawOf([KEY], messageOf(message, `v1;k=a;${altered}`))).toBe('wrong');
    }
    expect(flawOf([KEY], messageOf(message))).toBe('unsigned');
    expect(flawOf([KEY], messageOf(message, ''))).toBe('unsigned');
    for (const strange of [`v2;k=a;${code}`, `v1;k=;${code}`, `${signature}=`, 'v1', code]) {
      expect(flawOf([KEY], messageOf(message, strange))).toBe('not-understood');
    }
    expect(flawOf([OTHER], messageOf(message, signature))).toBe('unknown-key');
    // An id says which key to try, and proves nothing.
    expect(flawOf([OTHER], messageOf(message, `v1;k=b;${code}`))).toBe('wrong');
    expect(flawOf([KEY], { subject: 's', data: Buffer.from('x') })).toBe('unsigned');
  });

  test('does not speak of headers that decide nothing', () => {
    const data = Buffer.from('x');
    const signed = canonicalText({ subject: 's', headers: headersOf([['Leat-A', '1']]), data });
    const more = [
      ['tracestate', 'z'],
      ['Leat-A', '1'],
      ['Nats-Stream', 's'],
    ] as const;
    expect(canonicalText({ subject: 's', headers: headersOf(more), data })).toBe(signed);
  });
});
