import { describe, expect, it } from 'vitest';
import { CAPITALS, nearestCapital } from './capitals.ts';

/** Geographical facts, from elsewhere than the data of this example. */
const POSITIONS: readonly (readonly [country: string, name: string, lat: number, lng: number])[] = [
  ['AR', 'Buenos Aires', -34.6, -58.4],
  ['AU', 'Canberra', -35.3, 149.1],
  ['BR', 'Brasília', -15.8, -47.9],
  ['CA', 'Ottawa', 45.4, -75.7],
  ['CR', 'San José', 9.9, -84.1],
  ['DE', 'Berlin', 52.5, 13.4],
  ['EG', 'Cairo', 30.0, 31.2],
  ['FJ', 'Suva', -18.1, 178.4],
  ['GB', 'London', 51.5, -0.1],
  ['IN', 'New Delhi', 28.6, 77.2],
  ['IS', 'Reykjavík', 64.1, -21.9],
  ['JP', 'Tokyo', 35.7, 139.7],
  ['KE', 'Nairobi', -1.3, 36.8],
  ['MM', 'Nay Pyi Taw', 19.7, 96.1],
  ['TO', 'Nuku‘alofa', -21.1, -175.2],
  ['US', 'Washington', 38.9, -77.0],
  ['VN', 'Hanoi', 21.0, 105.8],
  ['ZA', 'Pretoria', -25.7, 28.2],
];

describe('CAPITALS', () => {
  it.each(POSITIONS)('%s: %s is where it is', (country, name, lat, lng) => {
    const capital = CAPITALS.find((each) => each.country === country);
    expect(capital?.name).toBe(name);
    expect(capital?.lat).toBeCloseTo(lat, 0);
    expect(capital?.lng).toBeCloseTo(lng, 0);
  });
});

describe('nearestCapital', () => {
  it.each([
    ['Nice', 43.70313, 7.26608, 'Monaco', 13],
    ['Uppsala', 59.85882, 17.63889, 'Stockholm', 64],
    ['Osaka', 34.69379, 135.50107, 'Tokyo', 396],
    ['Ottawa’s neighbour Gatineau', 45.47723, -75.70164, 'Ottawa', 6],
    ['Taveuni, Fiji, west of the date line', -16.9, -179.9, 'Suva', 230],
    ['The North Pole', 90, 0, 'Reykjavík', 2876],
    ['Perth', -31.95224, 115.8614, 'Dili', 2787],
  ])('%s', (_, lat, lng, name, about) => {
    const { capital, km } = nearestCapital(lat, lng);
    expect(capital.name).toBe(name);
    expect(Math.abs(km - about)).toBeLessThan(10);
  });

  it('is what a look at every capital finds', () => {
    for (let lat = -90; lat <= 90; lat += 7.5) {
      for (let lng = -180; lng <= 180; lng += 7.5) {
        const { km } = nearestCapital(lat, lng);
        expect(km).toBeCloseTo(Math.min(...CAPITALS.map((each) => kmBetween(lat, lng, each))), 6);
      }
    }
  });
});

/** By the spherical law of haversines. */
function kmBetween(lat: number, lng: number, to: { lat: number; lng: number }): number {
  const radians = Math.PI / 180;
  const square = (angle: number) => Math.sin((angle * radians) / 2) ** 2;
  const parallel = Math.cos(lat * radians) * Math.cos(to.lat * radians);
  return 2 * 6371 * Math.asin(Math.sqrt(square(to.lat - lat) + parallel * square(to.lng - lng)));
}
