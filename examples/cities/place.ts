import tzLookup from '@photostructure/tz-lookup';
import { latLngToCell } from 'h3-js';
import { nearestCapital } from './capitals.ts';
import type { City, Place } from './schema.ts';

const H3_RESOLUTION = 6;

/** Where a city is: its time zone, its cell in the H3 grid, and the capital nearest to it. */
export function placeOf({ name, country, lat, lng }: City): Place {
  const { capital, km } = nearestCapital(lat, lng);
  return {
    name,
    country,
    lat,
    lng,
    time_zone: tzLookup(lat, lng),
    h3_cell: latLngToCell(lat, lng, H3_RESOLUTION),
    capital: capital.name,
    capital_country: capital.country,
    capital_km: Math.round(km * 10) / 10,
  };
}
