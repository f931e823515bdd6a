/** A part of a graph that is written once and used wherever addresses come from. */
import { type Mapper, mapper, type Upstream } from 'leat';
import { z } from 'zod';

export const Address = z.object({ id: z.int(), street: z.string(), country: z.string() });

/**
 * Two stages in a row.
 *
 * @param prefix of their names, so that they can stand in one graph several times
 * @returns the one whose records others read
 */
export function tidied(prefix: string, from: Upstream<typeof Address>): Mapper<typeof Address> {
  const trimmed = mapper(`${prefix}-trimmed`, {
    from,
    schema: Address,
    map: (address) => ({ ...address, street: address.street.trim() }),
  });
  return mapper(`${prefix}-tidied`, {
    from: trimmed,
    schema: Address,
    map: (address) => ({ ...address, street: address.street.toUpperCase() }),
  });
}
