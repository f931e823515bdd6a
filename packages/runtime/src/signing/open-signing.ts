import type { Logger } from '@leat/sdk';
import { readSigningKeys } from './read-signing-keys.ts';
import { Signing } from './signing.ts';

/**
 * Reads the keys that a process signs and checks messages with.
 *
 * @param given each as `id:file`
 * @returns nothing, if no key is given
 * @throws LeatError `invalid-configuration`
 */
export async function openSigning(
  given: readonly string[] | undefined,
  options: { readonly name: string; readonly logger: Logger },
): Promise<Signing | undefined> {
  const [first, ...others] = await readSigningKeys(given ?? []);
  return first && new Signing([first, ...others], options);
}
