import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OLDEST_SERVER } from '@leat/core';
import { DOCTOR_CODES } from '@leat/operate';
import { MINIMUM_VERSION } from '@leat/nats-server';
import { expect, test } from 'vitest';
import { doctorTable } from '../../scripts/docs/doctor-table.ts';

const PAGE = fileURLToPath(new URL('../../docs/doctor.md', import.meta.url));

test('the doctor’s page has its codes as they are; "vitest -u" writes them', async () => {
  const page = await readFile(PAGE, 'utf8');
  const between = /(?<=<!-- codes -->\n\n)[^]*?(?=\n<!-- end of codes -->)/;
  expect(page).toMatch(between);
  await expect(page.replace(between, () => doctorTable(DOCTOR_CODES))).toMatchFileSnapshot(PAGE);
});

test('the doctor’s oldest server is the one that is tested', () => {
  expect(OLDEST_SERVER).toBe(MINIMUM_VERSION);
});
