import { formatOrigins, type Origins, parseOrigins } from './origins.ts';

/**
 * A region that a chunk is in. Its origins count from the chunk that was forked for as long as it is there, so that
 * the join knows which record is which; where those records come from stands here.
 */
export interface OpenRegion {
  /** How much of the chunk's path belongs to the chunk that was forked, in characters. */
  readonly at: number;
  /** How many records that chunk had. */
  readonly records: number;
  /** Where each of them comes from; absent when record `n` has offset `n`. */
  readonly origins?: Origins;
}

const REGION = /^(\d{1,3})\/(\d{1,9})(?:\/([\d,*-]+))?$/;

/** `at/records/origins` of each region, from the outermost to the innermost, divided by semicolons. */
export function formatRegions(regions: readonly OpenRegion[]): string {
  return regions
    .map(({ at, records, origins }) => {
      const text = origins && formatOrigins(origins);
      return `${at}/${records}${text === undefined ? '' : `/${text}`}`;
    })
    .join(';');
}

/** The inverse of {@link formatRegions}; `undefined` for anything that it cannot have made. */
export function parseRegions(text: string): readonly OpenRegion[] | undefined {
  const regions: OpenRegion[] = [];
  for (const part of text === '' ? [] : text.split(';')) {
    const [, at, records, said] = REGION.exec(part) ?? [];
    if (at === undefined) return undefined;
    const origins = said === undefined ? undefined : parseOrigins(said, Number(records));
    if (said !== undefined && origins === undefined) return undefined;
    regions.push({ at: Number(at), records: Number(records), ...(origins && { origins }) });
  }
  return regions;
}

/**
 * Where the records of a chunk stand in its root chunk: as its origins say, or, in a region, as those of the chunks
 * that were forked on its way do.
 */
export function offsetsOf(
  origins: Origins | undefined,
  regions: readonly OpenRegion[] | undefined,
): Origins | undefined {
  if (regions === undefined) return origins;
  return regions.reduceRight<Origins | undefined>(
    (inner, { origins: outer }) =>
      outer === undefined ? inner : (inner?.map((place) => outer[place] ?? place) ?? outer),
    origins,
  );
}
