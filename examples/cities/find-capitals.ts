import type { Capital } from './capitals.ts';
import type { City } from './schema.ts';

/**
 * Territories that depend on another state: the national capital nearest to Perth is Dili, and not
 * Flying Fish Cove. Where a status is disputed, the territory is not in this list.
 */
const TERRITORIES = new Set(
  (
    'AC AI AS AW AX BL BM BQ CC CK CW CX FK FO GF GG GI GL GP GS GU HK IM IO JE KY MF MP MQ MS NC NF ' +
    'NU PF PM PN PR RE SH SJ SX TA TC TF TK VG VI WF YT'
  ).split(' '),
);

/** Where the two datasets write a capital so differently that {@link simplify} does not help. */
const SPELLINGS: Readonly<Record<string, string>> = {
  EH: 'Laayoune', // El Aaiún
  GD: "Saint George's", // St. George's
  KI: 'Tarawa', // South Tarawa
  MM: 'Nay Pyi Taw', // Naypyidaw
  SM: 'San Marino', // City of San Marino
  US: 'Washington', // Washington D.C.
};

/** The divisions, `admin1/admin2`, of a capital that is not the only place of its name in its country. */
const DIVISIONS: Readonly<Record<string, string>> = {
  CR: '08/101', // San José
  US: 'DC/001', // Washington
  VN: '01/', // Hanoi
};

/**
 * Finds national capitals among the cities. One that is not there, or is there more than once, is left
 * out: no position is better than a wrong one.
 *
 * @param capitals the name of each capital, by the code of its country or territory
 */
export function findCapitals(
  capitals: ReadonlyMap<string, string>,
  cities: Iterable<City>,
): Capital[] {
  const wanted = new Map(
    [...capitals]
      .filter(([country]) => !TERRITORIES.has(country))
      .map(([country, name]) => [country, simplify(SPELLINGS[country] ?? name)]),
  );
  const found = new Map<string, Capital[]>();
  for (const { country, name, lat, lng, admin1, admin2 } of cities) {
    if (simplify(name) !== wanted.get(country)) continue;
    const division = `${admin1}/${admin2}`;
    if ((DIVISIONS[country] ?? division) !== division) continue;
    found.set(country, [...(found.get(country) ?? []), { country, name, lat, lng }]);
  }
  return [...found.values()]
    .flatMap((places) => (places.length === 1 ? places : []))
    .toSorted((a, b) => (a.country < b.country ? -1 : 1));
}

/** A name without accents, apostrophes, capitals and punctuation: `Nuku'alofa` is `Nuku‘alofa`. */
function simplify(name: string): string {
  return name
    .normalize('NFD')
    .replaceAll(/[\p{Mark}'’‘ʻ]/gu, '')
    .replaceAll(/[^\p{Letter}]+/gu, ' ')
    .trim()
    .toLowerCase();
}
