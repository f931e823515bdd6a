import { describe, expect, test } from 'vitest';
import { formatDeb822, parseDeb822, parseSourcesList } from './apt-sources.ts';

describe('parseSourcesList()', () => {
  test.each([
    [
      'deb http://mirror.example/debian bookworm main contrib',
      [
        {
          uris: 'http://mirror.example/debian',
          suites: ['bookworm'],
          components: ['main', 'contrib'],
          trust: [],
        },
      ],
    ],
    [
      'deb [arch=amd64 signed-by=/a.gpg,/b.gpg] https://mirror.example/debian trixie main # why',
      [
        {
          uris: 'https://mirror.example/debian',
          suites: ['trixie'],
          components: ['main'],
          trust: ['Signed-By: /a.gpg /b.gpg'],
        },
      ],
    ],
    [
      '  deb [ trusted=yes ] file:/srv/mirror sid main',
      [
        {
          uris: 'file:/srv/mirror',
          suites: ['sid'],
          components: ['main'],
          trust: ['Trusted: yes'],
        },
      ],
    ],
    ['# deb http://mirror.example/debian bookworm main', []],
    ['deb-src http://mirror.example/debian bookworm main', []],
    ['', []],
  ])('reads %s', (text, sources) => {
    expect(parseSourcesList(text)).toEqual(sources);
  });
});

describe('parseDeb822()', () => {
  test('reads stanzas, comments among their fields, and a key that spans lines', () => {
    const text = [
      'Types: deb deb-src',
      '# a comment',
      'URIs: http://mirror.example/debian',
      'Suites: bookworm bookworm-updates',
      'Components: main',
      'Signed-By:',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      ' .',
      ' abc',
      '',
      'Types: deb-src',
      'URIs: http://mirror.example/sources',
      'Suites: bookworm',
      '',
      'Types: deb',
      'URIs: http://mirror.example/off',
      'Suites: bookworm',
      'Enabled: no',
      '',
      'types: deb',
      'uris: http://mirror.example/security',
      'suites: bookworm-security',
      'components: main',
      'signed-by: /usr/share/keyrings/archive.gpg',
      '',
    ].join('\n');
    const sources = parseDeb822(text);
    expect(sources.map(({ uris }) => uris)).toEqual([
      'http://mirror.example/debian',
      'http://mirror.example/security',
    ]);
    expect(sources[0]?.suites).toEqual(['bookworm', 'bookworm-updates']);
    expect(sources[0]?.trust[0]).toBe('Signed-By: -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc');
    expect(sources[1]?.trust).toEqual(['Signed-By: /usr/share/keyrings/archive.gpg']);
  });

  test('reads what formatDeb822() wrote, with the other suites', () => {
    const source = {
      uris: 'http://mirror.example/debian',
      suites: ['bookworm'],
      components: ['main'],
      trust: ['Signed-By: -----BEGIN-----\n .\n abc'],
    };
    expect(parseDeb822(formatDeb822(source, ['stable', 'unstable']))).toEqual([
      { ...source, suites: ['stable', 'unstable'] },
    ]);
  });
});
