import { z, type ZodType } from 'zod';
import type { TransformName } from './job.ts';
import type { Item } from './record.ts';

/** What is done to a record, and the schemas before and after it. */
export interface Transform {
  readonly before: ZodType<Item>;
  readonly after: ZodType<Item>;
  readonly apply: (item: Item) => Item;
}

const unchecked: ZodType<Item> = z.any();
const fields = {
  id: z.int(),
  customer: z.string(),
  email: z.string(),
  city: z.string(),
  sku: z.string(),
  quantity: z.int(),
  price: z.number(),
  tags: z.array(z.string()).readonly(),
  at: z.string(),
  text: z.string().exactOptional(),
};

/** The field that is added. */
export function totalOf({ price, quantity }: Item): number {
  return price * quantity;
}

function addField(item: Item): Item & { readonly total: number } {
  return { ...item, total: totalOf(item) };
}

/** Each contender calls the same function; Leat as a stage's `map`, with the schemas as its own. */
export const TRANSFORMS: Readonly<Record<Exclude<TransformName, 'bytes'>, Transform>> = {
  identity: { before: unchecked, after: unchecked, apply: (item) => item },
  cheap: { before: unchecked, after: unchecked, apply: addField },
  enrich: { before: unchecked, after: unchecked, apply: addField },
  checked: {
    before: z.object(fields),
    after: z.object({ ...fields, total: z.number() }),
    apply: addField,
  },
};

/** One record, transformed. */
export function mapItem(item: Item, name: TransformName): Item {
  if (name === 'bytes') return item;
  const { before, after, apply } = TRANSFORMS[name];
  return name === 'checked' ? after.parse(apply(before.parse(item))) : apply(item);
}

/** A chunk's lines, each parsed, transformed and written again: the smallest code that does it. */
export function mapLines(lines: string, name: TransformName): string {
  if (name === 'bytes') return lines;
  let result = '';
  for (let from = 0, end = lines.indexOf('\n'); end !== -1; end = lines.indexOf('\n', from)) {
    const line = lines.slice(from, end);
    const item = JSON.parse(line) as Item;
    result +=
      name === 'enrich'
        ? `${line.slice(0, -1)},"total":${JSON.stringify(totalOf(item))}}\n`
        : `${JSON.stringify(mapItem(item, name))}\n`;
    from = end + 1;
  }
  return result;
}
