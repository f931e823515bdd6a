import { z } from 'zod';

/** Degrees that the dataset writes as a string, such as `"42.53176"`. */
const degrees = (most: number) =>
  z.codec(z.string().regex(/^-?\d+(?:\.\d+)?$/), z.number().min(-most).max(most), {
    decode: Number,
    encode: String,
  });

const CountryCode = z.string().regex(/^[A-Z]{2}$/);

/** A city as it stands in the dataset. */
export const City = z.object({
  name: z.string().min(1),
  lat: degrees(90),
  lng: degrees(180),
  country: CountryCode,
  /** GeoNames' codes of the first and second administrative division; may be empty. */
  admin1: z.string(),
  admin2: z.string(),
});
export type City = z.output<typeof City>;

/** What the pipeline makes of a city. The names serve as columns in SQL, hence the underscores. */
export const Place = z.object({
  name: z.string(),
  country: CountryCode,
  lat: z.number(),
  lng: z.number(),
  /** IANA name, such as `Europe/Stockholm`. */
  time_zone: z.string(),
  /** The H3 cell of resolution 6, about 36 km², that the city is in. */
  h3_cell: z.string(),
  /** The nearest national capital, as the crow flies; not always that of the city's country. */
  capital: z.string(),
  capital_country: CountryCode,
  capital_km: z.number().nonnegative(),
});
export type Place = z.output<typeof Place>;
