import { around, distance } from 'geokdbush';
import KDBush from 'kdbush';
import capitals from './capitals.json' with { type: 'json' };

/** A national capital. */
export interface Capital {
  /** ISO 3166 code. */
  readonly country: string;
  readonly name: string;
  readonly lat: number;
  readonly lng: number;
}

/** Sorted by country code. `find-capitals.ts` says where they come from. */
export const CAPITALS: readonly Capital[] = capitals;

const index = new KDBush(CAPITALS.length);
for (const { lng, lat } of CAPITALS) index.add(lng, lat);
index.finish();

/** The capital nearest to a point on the globe, as the crow flies. */
export function nearestCapital(lat: number, lng: number): { capital: Capital; km: number } {
  const [nearest] = around(index, lng, lat, 1);
  const capital = CAPITALS[nearest ?? -1];
  if (capital === undefined) throw new Error(`No capital is near ${lat}, ${lng}.`);
  return { capital, km: distance(lng, lat, capital.lng, capital.lat) };
}
