import type { Edit } from './variant.ts';

const VERSIONS = 'packages/core/dist/format-version.js';
const RECEIPT = 'packages/core/dist/receipt.js';
const CHUNK = 'packages/runtime/dist/chunks/chunk-message.js';

/** What makes a build write receipts that no other one can read, with nothing that says so. */
export const UNREADABLE: readonly Edit[] = [
  { file: RECEIPT, from: / \$\{fence\}`/g, to: ' f${fence}`' },
  { file: RECEIPT, from: /parseFence\(fenceText\)/g, to: `parseFence(fenceText.replace('f', ''))` },
];

/**
 * What makes a build of this version one of a version to come, which writes chunks and receipts in a way that
 * this one cannot read, says so by their versions, and reads both.
 */
export const COMING: readonly Edit[] = [
  ...UNREADABLE,
  { file: VERSIONS, from: /(chunk|receipts): 1,/g, to: '$1: 2,' },
  { file: VERSIONS, from: /journal: 2,/g, to: 'journal: 3,' },
  { file: CHUNK, from: /result\.set\(CHUNK,/g, to: `result.set('Leat-Coming',` },
  {
    file: CHUNK,
    from: /read\(CHUNK,/g,
    to: `read(found?.get('Leat-Coming') ? 'Leat-Coming' : CHUNK,`,
  },
];

/** What makes a build heed no version: it takes everything for its own. */
export const HEEDLESS: readonly Edit[] = [
  { file: VERSIONS, from: /return version < mine \? 'older' : 'newer';/g, to: `return 'mine';` },
];
