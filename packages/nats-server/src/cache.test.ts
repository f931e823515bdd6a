import { expect, test } from 'vitest';
import { cacheDirectory } from './cache.ts';

test.each([
  ['linux', { LEAT_CACHE_DIR: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' }, '/c'],
  ['linux', { XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/leat'],
  ['linux', { XDG_CACHE_HOME: '', HOME: '/h' }, '/h/.cache/leat'],
  ['darwin', { HOME: '/h', XDG_CACHE_HOME: '/x' }, '/h/Library/Caches/leat'],
  ['win32', { HOME: '/h', LOCALAPPDATA: '/l' }, '/l/leat/cache'],
] as const)('on %s, with %o, the cache is in %s', (platform, env, root) => {
  expect(cacheDirectory(env, platform)).toBe(`${root}/nats-server/${platform}-${process.arch}`);
});
