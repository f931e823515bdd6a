import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { describe, expect, inject, test } from 'vitest';
import { run } from '../support/command.ts';

/** What every package says of itself, beside what `publint` asks for. */
const ABOUT = ['description', 'keywords', 'homepage', 'bugs', 'license', 'repository', 'engines'];

interface Manifest extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly version: string;
  readonly exports: unknown;
}

const textIn = (tarball: string, file: string): Promise<string> =>
  run('tar', ['-xzOf', tarball, `package/${file}`]);

const manifestIn = async (tarball: string): Promise<Manifest> =>
  JSON.parse(await textIn(tarball, 'package.json')) as Manifest;

describe.each(inject('tarballs').map((path) => [basename(path), path] as const))(
  '%s',
  (_, tarball) => {
    test('is as publint wants it', async () => {
      const { buffer, byteOffset, byteLength } = await readFile(tarball);
      const data = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true });
      expect(messages.map((each) => formatMessage(each, pkg))).toEqual([]);
    });

    test('has types that every way of importing finds', async () => {
      // `require` gets an ES module, which Node 20.19 and newer allow: hence the profile. Problems end it with 1.
      // A command's file, which is imported for what it does, has none.
      const profile = ['--profile', 'esm-only', '--exclude-entrypoints', 'bin'];
      const args = ['attw', tarball, '--format', 'ascii', ...profile];
      await expect(run('npx', args)).resolves.toContain('(ESM)');
    });

    test('says what it is, under which licence, and where it comes from', async () => {
      const manifest = await manifestIn(tarball);
      expect(ABOUT.filter((key) => manifest[key] === undefined)).toEqual([]);
      expect(await textIn(tarball, 'README.md')).toContain(`# ${manifest.name}\n`);
      expect(await textIn(tarball, 'LICENSE')).toContain('Apache License');
    });
  },
);

test('all packages have one version', async () => {
  const manifests = await Promise.all(inject('tarballs').map(manifestIn));
  expect(new Set(manifests.map(({ version }) => version)).size).toBe(1);
});
