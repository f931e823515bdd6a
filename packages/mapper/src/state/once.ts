import { keyPart } from '@leat/runtime';
import type { RecordHome } from './record-home.ts';
import { storedText, storedValue } from './stored-value.ts';
import type { StoresInUse } from './stores-in-use.ts';

/**
 * Does something whose result is stored, unless it was stored before. If two do it at once, both have the result of
 * the one who was quicker.
 */
export async function once<T>(
  { state }: Pick<StoresInUse, 'state'>,
  { own }: RecordHome,
  key: string,
  effect: () => T | Promise<T>,
): Promise<T> {
  const at = `${own}.once.${keyPart(key)}`;
  const what = `The result of context.once(${JSON.stringify(key)})`;
  const found = await state.get(at);
  if (found !== undefined) return storedValue(found.value, what) as T;
  const result = await effect();
  const text = storedText(result, what, ': the effect has happened and is not remembered');
  if (await state.create(at, text)) return result;
  const first = await state.get(at);
  return first === undefined ? result : (storedValue(first.value, what) as T);
}
