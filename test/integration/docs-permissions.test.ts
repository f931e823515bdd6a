import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { loadPipeline } from '@leat/runtime';
import { expect, test } from 'vitest';
import { permissionsText } from '../../packages/cli/src/permissions-text.ts';

const PAGE = fileURLToPath(new URL('../../docs/permissions.md', import.meta.url));

const HELLO = fileURLToPath(new URL('../../examples/hello/pipeline.ts', import.meta.url));

test('the page of permissions has what leat permissions prints; "pnpm run docs" writes it', async () => {
  const page = await readFile(PAGE, 'utf8');
  const between = /(?<=<!-- users -->\n\n)[^]*?(?=\n<!-- end of users -->)/;
  expect(page).toMatch(between);
  const { spec } = await loadPipeline(HELLO);
  const block = `\`\`\`text\n${permissionsText(spec)}\`\`\`\n`;
  await expect(page.replace(between, () => block)).toMatchFileSnapshot(PAGE);
});
