import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as core from './index.ts';

const sources = readdirSync(import.meta.dirname)
  .filter((file) => /^[a-z-]+\.ts$/.test(file))
  .map((file) => [file, readFileSync(`${import.meta.dirname}/${file}`, 'utf8')] as const);

/** The code without its comments. */
function codeOf(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

describe('the core', () => {
  test.each(sources)('%s knows no clock, no chance and no I/O', (_, text) => {
    const impure =
      /\b(?:Date|performance|setTimeout|setInterval|setImmediate|queueMicrotask|process|console|fetch|crypto|globalThis)\b|Math\.random|\bawait\b|\bimport\(/;
    expect(codeOf(text)).not.toMatch(impure);
  });

  test.each(sources)('%s imports nothing but its neighbours', (_, text) => {
    const imported = [...codeOf(text).matchAll(/\bfrom '([^']+)';/g)].map((match) => match[1]);
    for (const path of imported) expect(path).toMatch(/^\.\/[a-z-]+\.ts$/);
  });

  test('is compiled without the types of any platform', () => {
    const text = readFileSync(`${import.meta.dirname}/../tsconfig.json`, 'utf8');
    expect(JSON.parse(text)).toMatchObject({ compilerOptions: { types: [], lib: ['ES2023'] } });
    const manifest = readFileSync(`${import.meta.dirname}/../package.json`, 'utf8');
    expect(JSON.parse(manifest)).toMatchObject({ dependencies: {} });
  });

  test('exports no default and nothing undefined', () => {
    expect(Object.keys(core)).not.toContain('default');
    for (const value of Object.values(core)) expect(value).toBeDefined();
  });
});
