import { expect, test } from 'vitest';
import { chunkDigest } from './chunk-digest.ts';

test('is a function of chunk id and bytes', () => {
  const body = Buffer.from('{"n":1}\n');
  // printf '0\n{"n":1}\n' | sha256sum | cut -c-32
  expect(chunkDigest('0', body)).toBe('923afc311812901e9383af9a6957f36d');
  const others = [chunkDigest('1', body), chunkDigest('0', Buffer.from('{"n":2}\n'))];
  expect(new Set([chunkDigest('0', body), ...others]).size).toBe(3);
});
