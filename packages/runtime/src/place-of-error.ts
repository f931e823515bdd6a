import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OWN_DIRECTORY = fileURLToPath(new URL('.', import.meta.url));

/**
 * Where a file that could not be loaded is wrong, for the end of a sentence: the import that leads nowhere, or
 * where in the user's own files the error was thrown, or the syntax is not right: ` (at pipeline.ts:3:11)`.
 */
export function placeOf(error: unknown): string {
  const importer = importerOf(error);
  if (importer === undefined) return placeInStack(error);
  const place = `${importer.file}${importer.line === undefined ? '' : `:${importer.line}`}`;
  const isInstalled = importer.file.includes('/node_modules/');
  return isInstalled
    ? ` (imported at ${place}, in an installed package that lacks it: install your packages again)`
    : ` (imported at ${place})`;
}

/** Which file imports what could not be found, if that is what is wrong. */
function importerOf(
  error: unknown,
): { readonly file: string; readonly line: number | undefined } | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  if (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  const [first = '', rest = ''] = error.message.split('\n', 1)[0]?.split(' imported from ') ?? [];
  const stack = 'requireStack' in error ? (error.requireStack as readonly string[]) : [];
  const file = stack[0] ?? rest;
  const [, specifier = ''] = /'([^']*)'/.exec(first) ?? [];
  return file === '' ? undefined : { file, line: lineOf(file, specifier) };
}

/** The line on which a file names a module. Node gives the path where the file may have a relative one. */
function lineOf(file: string, specifier: string): number | undefined {
  const name = specifier.split('/').at(-1) ?? specifier;
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    const exactly = lines.findIndex((line) => /['"`]/.test(line) && line.includes(specifier));
    const at = exactly >= 0 ? exactly : lines.findIndex((line) => line.includes(`/${name}`));
    return at < 0 ? undefined : at + 1;
  } catch {
    return undefined;
  }
}

function placeInStack(error: unknown): string {
  const text = error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : '';
  const places = text.matchAll(/(?:^|[\s(])(?:file:\/\/)?(\/[^\n():]*:\d+:\d+)\)?$/gm);
  for (const [, place = ''] of places) {
    if (!place.includes('/node_modules/') && !place.startsWith(OWN_DIRECTORY))
      return ` (at ${place})`;
  }
  return '';
}
