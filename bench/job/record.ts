/** The record that every contender works on: about 200 bytes, or more if there is a text. */
export interface Item {
  readonly id: number;
  readonly customer: string;
  readonly email: string;
  readonly city: string;
  readonly sku: string;
  readonly quantity: number;
  readonly price: number;
  readonly tags: readonly string[];
  readonly at: string;
  /** Makes a record as large as is wanted. */
  readonly text?: string;
}

const NAMES = ['Ada Byron', 'Grace Hopper', 'Jean Bartik', 'Kay McNulty', 'Betty Holberton'];
const CITIES = ['Helsinki', 'Plymouth', 'Reykjavík', 'Thessaloniki', 'Valparaíso', 'Nagoya'];
const TAGS = ['gift', 'express', 'fragile', 'returned', 'invoice', 'repeat'];
const FIRST_DAY = Date.UTC(2026, 0, 1);

/** Record `id`, the same at every call. */
export function recordOf(id: number, bytes: number): Item {
  const name = NAMES[id % NAMES.length] as string;
  const item = {
    id,
    customer: `${name} ${id % 9973}`,
    email: `${name.toLowerCase().replace(' ', '.')}${id % 9973}@example.org`,
    city: CITIES[id % CITIES.length] as string,
    sku: `SKU-${((id * 7919) % 1_000_003).toString(36)}`,
    quantity: 1 + (id % 12),
    price: ((id * 37) % 100_000) / 100,
    tags: [TAGS[id % TAGS.length] as string, TAGS[(id >> 3) % TAGS.length] as string],
    at: new Date(FIRST_DAY + id * 1_000).toISOString(),
  };
  return bytes <= 250 ? item : { ...item, text: textOf(id, bytes - 220) };
}

function textOf(id: number, length: number): string {
  return `the ${id % 97} quick brown foxes jump over ${id % 89} lazy dogs; `
    .repeat(Math.ceil(length / 40))
    .slice(0, length);
}
